import { execFile } from 'node:child_process'
import { z } from 'zod'
import type { RegistryCredentials } from '../engine/engine.ts'
import { serverAddressOf } from './docker-config.ts'

/** What came of asking a helper: its account, that it has none, or why it could not say. */
export type HelperAnswer =
  | { readonly kind: 'found'; readonly credentials: RegistryCredentials }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string }

const MOST_OUTPUT_BYTES = 64 * 1024
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/
/** The user name that stands for "the secret is a token". */
const TOKEN_USER = '<token>'
const NOT_FOUND = /credentials not found/i

const answerSchema = z.object({ Username: z.string(), Secret: z.string() })

/**
 * Asks `docker-credential-NAME get` about one registry. Nothing that it prints is passed on but the account: it may
 * print secrets also when it fails. Rejects only with the reason of an abort.
 */
export async function askHelper(
  name: string,
  registry: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HelperAnswer> {
  signal.throwIfAborted()
  if (!NAME.test(name)) return { kind: 'failed', reason: 'its name is none' }
  const { promise, resolve } = Promise.withResolvers<HelperAnswer>()
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MOST_OUTPUT_BYTES, signal } as const
  const child = execFile(`docker-credential-${name}`, ['get'], options, (error, stdout) => {
    resolve(error === null ? read(stdout, registry) : explain(error, stdout, timeoutMs))
  })
  child.stdin?.on('error', () => {}) // it may end without reading
  child.stdin?.end(`${serverAddressOf(registry)}\n`)
  const answer = await promise
  signal.throwIfAborted()
  return answer
}

function read(stdout: string, registry: string): HelperAnswer {
  const answer = parse(stdout)
  if (answer === undefined) return { kind: 'failed', reason: 'it did not answer as helpers do' }
  const { Username: username, Secret: secret } = answer
  if (secret === '') return { kind: 'none' }
  const kind = username === TOKEN_USER ? 'identityToken' : 'password'
  return { kind: 'found', credentials: { registry, kind, username, secret } }
}

function parse(stdout: string): z.infer<typeof answerSchema> | undefined {
  try {
    return answerSchema.parse(JSON.parse(stdout))
  } catch {
    return undefined
  }
}

function explain(error: Error & { code?: unknown; killed?: boolean }, stdout: string, timeoutMs: number): HelperAnswer {
  if (NOT_FOUND.test(stdout)) return { kind: 'none' }
  if (error.killed === true) return { kind: 'failed', reason: `it did not answer within ${timeoutMs} ms` }
  if (error.code === 'ENOENT') return { kind: 'failed', reason: 'there is no such program' }
  return { kind: 'failed', reason: `it ended with ${String(error.code)}` }
}
