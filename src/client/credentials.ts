import { readFile } from 'node:fs/promises'
import { ErrandError } from '../core/errors.ts'
import type { ErrandClientOptions } from './options.ts'

/** What goes into `Authorization`; undefined for nothing. @throws unauthenticated when a token cannot be had */
export type Credentials = () => Promise<string | undefined>

/** What may stand in a header without changing its meaning. */
const TOKEN = /^[!-~]{1,4096}$/

/** @throws validation_failed for a token that can be none, or two of them. No message repeats one. */
export function credentialsOf({ token, tokenFile }: ErrandClientOptions): Credentials {
  if (token !== undefined && tokenFile !== undefined) {
    throw new ErrandError('validation_failed', 'token and tokenFile: give one of them')
  }
  if (tokenFile !== undefined) return async () => bearer(await readToken(tokenFile), 'unauthenticated', tokenFile)
  const header = token === undefined ? undefined : bearer(token, 'validation_failed', 'token')
  return async () => header
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new ErrandError('unauthenticated', `the token cannot be read from ${file}`, { cause })
  }
}

function bearer(token: string, code: 'unauthenticated' | 'validation_failed', where: string): string {
  if (TOKEN.test(token)) return `Bearer ${token}`
  throw new ErrandError(code, `${where}: holds no token`)
}
