import { isUtf8 } from 'node:buffer'

export type JsonObject = Readonly<Record<string, unknown>>

const MAX_DEPTH = 32

/** The object that a body is in JSON; undefined when it is anything else, not UTF-8, or nested more than 32 deep. */
export function parseJsonObject(body: Buffer): JsonObject | undefined {
  if (!isUtf8(body)) return undefined
  const text = body.toString('utf8')
  if (isNestedDeeper(text, MAX_DEPTH)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Whether a JSON text nests deeper than `limit`, in linear time and constant space: V8 parses five million levels
 * (in seconds) but cannot write them again. Says nothing about whether the text is valid.
 */
function isNestedDeeper(text: string, limit: number): boolean {
  // Searching for one character is native and an order faster than looking at each, and settles nearly every body.
  return hasMoreThan(text, limit, '{', '[') && isDeeperByScan(text, limit)
}

function hasMoreThan(text: string, limit: number, ...openers: readonly string[]): boolean {
  let count = 0
  for (const opener of openers) {
    for (let at = text.indexOf(opener); at !== -1; at = text.indexOf(opener, at + 1)) {
      count += 1
      if (count > limit) return true
    }
  }
  return false
}

function isDeeperByScan(text: string, limit: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charAt(at)) {
      case '{':
      case '[':
        depth += 1
        if (depth > limit) return true
        break
      case '}':
      case ']':
        depth -= 1
        break
      case '"':
        at = endOfString(text, at)
    }
  }
  return false
}

/** Where the string that begins at `start` ends; the text's end when it is not terminated. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslash = quote - 1
    while (text[backslash] === '\\') backslash -= 1
    const isEscaped = (quote - backslash) % 2 === 0
    if (!isEscaped) return quote
  }
  return text.length
}
