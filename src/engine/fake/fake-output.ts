import type { Attachment, OutputChunk, OutputSink } from '../engine.ts'
import type { FakeOutput } from './fake-script.ts'

const LINE_FEED = 10

/** What one fake sandbox has printed, and who follows it live. */
export class FakeOutputLog {
  readonly #chunks: OutputChunk[] = []
  readonly #followers = new Map<OutputSink, PromiseWithResolvers<void>>()
  #isEnded = false

  print(output: FakeOutput): void {
    const chunk = toChunk(output)
    this.#chunks.push(chunk)
    for (const sink of this.#followers.keys()) sink(chunk)
  }

  follow(sink: OutputSink): Attachment {
    const ended = Promise.withResolvers<void>()
    if (this.#isEnded) ended.resolve()
    else this.#followers.set(sink, ended)
    return {
      ended: ended.promise,
      [Symbol.dispose]: () => {
        this.#followers.delete(sink)
        ended.resolve()
      },
    }
  }

  /** The sandbox ended: nothing more comes. */
  end(): void {
    this.#isEnded = true
    for (const ended of this.#followers.values()) ended.resolve()
    this.#followers.clear()
  }

  lastLines(count: number): OutputChunk[] {
    if (count === 0) return []
    return this.#chunks.flatMap(splitLines).slice(-count)
  }
}

function toChunk(output: FakeOutput): OutputChunk {
  if (typeof output === 'string') return { stream: 'stdout', data: Buffer.from(output) }
  return { stream: output.stream, data: Buffer.from(output.data) }
}

function splitLines({ stream, data }: OutputChunk): OutputChunk[] {
  const lines: OutputChunk[] = []
  for (let start = 0; start < data.length; ) {
    const feed = data.indexOf(LINE_FEED, start)
    const end = feed < 0 ? data.length : feed + 1
    lines.push({ stream, data: data.subarray(start, end) })
    start = end
  }
  return lines
}
