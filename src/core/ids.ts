import { randomBytes } from 'node:crypto'

const ID = /^[a-z0-9][a-z0-9-]{0,62}$/

/** What every id looks like: safe in container names, labels, paths, URLs and message subjects. */
export const ID_PATTERN: string = ID.source

export type IdSource = () => string

/** 128 random bits in hexadecimal. */
export function randomId(): string {
  return randomBytes(16).toString('hex')
}

export function isId(text: string): boolean {
  return ID.test(text)
}
