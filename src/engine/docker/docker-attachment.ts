import type { Duplex } from 'node:stream'
import type { Attachment, OutputSink } from '../engine.ts'
import { Demultiplexer } from './demultiplexer.ts'

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

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
