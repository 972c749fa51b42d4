import type { ServerResponse } from 'node:http'
import type { TaskSink } from '../../service/node-api.ts'

/** Says that an answer is a task's, and which instance has given it. */
export const INSTANCE = 'errand-instance'

/**
 * A page of a task is under the address of the node: no script in it may act as the node's own, whatever the task says of
 * it. Of two policies both hold.
 */
export const HARMLESS: readonly string[] = ['content-security-policy', 'sandbox', 'x-content-type-options', 'nosniff']

/** Copying up to this is quicker than a write of two parts. */
const SMALL_BYTES = 4096

/** Hands a task's answer on to its caller. */
export class CallerAnswer implements TaskSink {
  readonly #response: ServerResponse
  #instanceId = ''

  constructor(response: ServerResponse) {
    this.#response = response
  }

  from(instanceId: string): void {
    this.#instanceId = instanceId
  }

  begin(status: number, headers: readonly string[]): void {
    const response = this.#response
    response.writeHead(status, [...headers, ...HARMLESS, INSTANCE, this.#instanceId])
    // Who waits for events wants to know that there will be some. An answer that came in one piece has ended by then.
    process.nextTick(() => {
      if (!response.writableEnded) response.flushHeaders()
    })
  }

  write(chunk: Buffer): boolean {
    // What is text goes out in one write with the headers before it: a character is a byte.
    return chunk.length > SMALL_BYTES
      ? this.#response.write(chunk)
      : this.#response.write(chunk.toString('latin1'), 'latin1')
  }

  onDrain(listener: () => void): void {
    this.#response.once('drain', listener)
  }

  end(trailers: readonly string[]): void {
    if (trailers.length > 0) this.#response.addTrailers(pairs(trailers))
    this.#response.end()
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let at = 0; at + 1 < flat.length; at += 2) list.push([flat[at] ?? '', flat[at + 1] ?? ''])
  return list
}
