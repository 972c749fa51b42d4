import { StringDecoder } from 'node:string_decoder'
import type { LogEntry } from './log-entry.ts'

/** One line for people, in place of output. */
export function gapLine(bytes: number | undefined): string {
  return bytes === undefined ? '[... output may be missing here ...]\n' : `[... ${bytes} bytes left out ...]\n`
}

/**
 * Entries of one stream as text, gaps as a line each. When they have more than `maxBytes`, half of that from both ends.
 * Bytes that are no UTF-8, such as a character cut by a gap, become U+FFFD.
 */
export async function logText(entries: AsyncIterable<LogEntry>, maxBytes: number): Promise<string> {
  const excerpt = new Excerpt(maxBytes)
  for await (const entry of entries) excerpt.add(entry.gap === undefined ? entry.data : { bytes: entry.gap.bytes })
  return toText(excerpt.parts())
}

interface Omission {
  readonly bytes: number | undefined
}

type Part = Buffer | Omission

/** The first and the last bytes of what is added. */
class Excerpt {
  readonly #head: Part[] = []
  #headRoom: number
  #isHeadFull = false
  readonly #tail: Part[] = []
  readonly #tailRoom: number
  #tailBytes = 0
  #omitted: Omission | undefined

  constructor(maxBytes: number) {
    this.#headRoom = Math.floor(maxBytes / 2)
    this.#tailRoom = maxBytes - this.#headRoom
  }

  add(part: Part): void {
    const room = this.#headRoom
    this.#headRoom = Math.max(0, room - sizeOf(part))
    if (this.#isHeadFull) this.#addToTail(part)
    else if (!Buffer.isBuffer(part) || part.length <= room) this.#head.push(part)
    else {
      this.#isHeadFull = true
      this.#head.push(part.subarray(0, room))
      this.#addToTail(part.subarray(room))
    }
  }

  parts(): Part[] {
    return [...this.#head, ...(this.#omitted === undefined ? [] : [this.#omitted]), ...this.#tail]
  }

  #addToTail(part: Part): void {
    this.#tail.push(part)
    this.#tailBytes += sizeOf(part)
    while (this.#tailBytes > this.#tailRoom) this.#omitFirst(this.#tailBytes - this.#tailRoom)
  }

  #omitFirst(bytes: number): void {
    const first = this.#tail.shift()
    if (first === undefined) return
    if (Buffer.isBuffer(first) && first.length > bytes) this.#tail.unshift(first.subarray(bytes))
    const omitted = Buffer.isBuffer(first) ? Math.min(bytes, first.length) : first.bytes
    this.#tailBytes -= Math.min(bytes, sizeOf(first))
    const before = this.#omitted === undefined ? 0 : this.#omitted.bytes
    this.#omitted = { bytes: before === undefined || omitted === undefined ? undefined : before + omitted }
  }
}

function sizeOf(part: Part): number {
  return Buffer.isBuffer(part) ? part.length : 0
}

function toText(parts: readonly Part[]): string {
  const decoder = new StringDecoder('utf8')
  let text = ''
  for (const part of parts) {
    if (Buffer.isBuffer(part)) {
      text += decoder.write(part)
      continue
    }
    text += decoder.end()
    if (text !== '' && !text.endsWith('\n')) text += '\n'
    text += gapLine(part.bytes)
  }
  return text + decoder.end()
}
