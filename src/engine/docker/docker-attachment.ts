import type { Duplex } from 'node:stream'
import type { Attachment, OutputSink } from '../engine.ts'
import { Demultiplexer } from './demultiplexer.ts'

/** The longest that a sink may hold output up: a task must not hang because a disk does. */
const MOST_HELD_MS = 10_000

/** The live output of one container, on a connection of its own. */
export class DockerAttachment implements Attachment {
  readonly ended: Promise<void>
  readonly #socket: Duplex

  constructor(socket: Duplex, sink: OutputSink) {
    this.#socket = socket
    const ended = Promise.withResolvers<void>()
    this.ended = ended.promise
    const demultiplexer = new Demultiplexer((chunk) => {
      // What had been read before the cut still drains from the socket's buffer.
      if (!socket.destroyed) sink(chunk)
    })
    socket.once('close', ended.resolve)
    socket.on('end', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      try {
        demultiplexer.push(chunk)
      } catch (error) {
        socket.destroy(error instanceof Error ? error : undefined)
      }
    })
  }

  holdUp(until: Promise<void>): void {
    if (this.#socket.isPaused()) return
    const goOn = (): void => {
      clearTimeout(timer)
      this.#socket.resume()
    }
    const timer = setTimeout(goOn, MOST_HELD_MS)
    this.#socket.pause()
    until.then(goOn, goOn)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
