import { text } from 'node:stream/consumers'
import { parse } from 'yaml'
import { ErrandError } from '../core/errors.ts'
import { openLocalFile } from './local-file.ts'
import type { Input } from './terminal.ts'

/** The body of a request, or an object in it, as it was written: it is the node that understands it. */
export type Fields = Readonly<Record<string, unknown>>

/** In the place of a file. */
export const STDIN = '-'

/** Reads the body of a request from a file, or with `-` from stdin: YAML, which JSON is, too. @throws validation_failed; not_found */
export async function readBodyFile(path: string, stdin: Input): Promise<Fields> {
  const body = parseBody(path, path === STDIN ? await text(stdin) : await readTextFile(path))
  if (isFields(body)) return body
  throw new ErrandError('validation_failed', `${path}: must hold fields and their values`)
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws not_found for what cannot be read */
export async function readTextFile(path: string): Promise<string> {
  await using file = await openLocalFile(path)
  return await file.readFile('utf8')
}

function parseBody(path: string, content: string): unknown {
  try {
    return parse(content)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ErrandError('validation_failed', `${path}: ${why}`, { cause })
  }
}
