import type { Clock } from '../../core/clock.ts'
import { abortable } from '../../util/abort.ts'
import type { Attachment, OutputChunk, OutputRange, OutputSink } from '../engine.ts'
import type { FakeOutput } from './fake-script.ts'

const LINE_FEED = 10

interface Kept {
  readonly timeMs: number
  readonly chunk: OutputChunk
}

/**
 * What one fake sandbox has printed, and who follows it live. Like the log of a real engine it keeps the last of it, up to
 * a number of bytes; a reader that is further behind goes on with what is left.
 */
export class FakeOutputLog {
  readonly #clock: Clock
  readonly #mostBytes: number
  readonly #kept: Kept[] = []
  /** Where in `#kept` it begins: what is before was dropped, and is taken out now and then. */
  #head = 0
  #keptBytes = 0
  /** How many were dropped: the place of the first that is kept. */
  #dropped = 0
  readonly #followers = new Map<OutputSink, PromiseWithResolvers<void>>()
  #changed = Promise.withResolvers<void>()
  #isEnded = false

  constructor(clock: Clock, mostBytes: number) {
    this.#clock = clock
    this.#mostBytes = mostBytes
  }

  print(output: FakeOutput): void {
    this.append(toChunk(output))
  }

  /** As `print`, without a copy. */
  append(chunk: OutputChunk): void {
    if (this.#isEnded || chunk.data.length === 0) return
    this.#kept.push({ timeMs: this.#clock.wallMs(), chunk })
    this.#keptBytes += chunk.data.length
    this.#drop()
    for (const sink of this.#followers.keys()) sink(chunk)
    this.#wake()
  }

  follow(sink: OutputSink): Attachment {
    const ended = Promise.withResolvers<void>()
    if (this.#isEnded) ended.resolve()
    else this.#followers.set(sink, ended)
    return {
      ended: ended.promise,
      // Nobody's memory grows: what it plays is there already.
      holdUp() {},
      [Symbol.dispose]: () => {
        this.#followers.delete(sink)
        ended.resolve()
      },
    }
  }

  /** Cuts every live connection; the sandbox goes on. */
  cut(): void {
    for (const ended of this.#followers.values()) ended.resolve()
    this.#followers.clear()
  }

  /** Prints again after an end. */
  reopen(): void {
    this.#isEnded = false
  }

  /** The sandbox ended: nothing more comes. */
  end(): void {
    this.#isEnded = true
    this.cut()
    this.#wake()
  }

  async *read(range: OutputRange, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const history = this.#history(range)
    let next = this.#dropped + this.#kept.length - this.#head
    yield* history
    while (range.follow === true) {
      next = Math.max(next, this.#dropped)
      const kept = this.#kept[this.#head + next - this.#dropped]
      if (kept !== undefined) {
        yield kept.chunk
        next += 1
      } else if (this.#isEnded) return
      else await abortable(this.#changed.promise, signal)
    }
  }

  #history({ lastLines, sinceMs = 0 }: OutputRange): OutputChunk[] {
    const kept = this.#kept.slice(this.#head)
    const chunks = kept.filter(({ timeMs }) => timeMs >= sinceMs).map(({ chunk }) => chunk)
    return lastLines === undefined ? chunks : lastOf(chunks.flatMap(splitLines), lastLines)
  }

  #drop(): void {
    while (this.#keptBytes > this.#mostBytes) {
      this.#keptBytes -= this.#kept[this.#head]?.chunk.data.length ?? this.#keptBytes
      this.#head += 1
      this.#dropped += 1
    }
    if (this.#head * 2 <= this.#kept.length) return
    this.#kept.splice(0, this.#head)
    this.#head = 0
  }

  #wake(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

/** Takes a copy. */
export function toChunk(output: FakeOutput): OutputChunk {
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

/** The pieces that make up the last lines. A line may have been printed in several pieces; one left open counts too. */
function lastOf(pieces: readonly OutputChunk[], count: number): OutputChunk[] {
  const seen = new Set<OutputChunk['stream']>()
  let lines = 0
  let first = pieces.length
  for (; first > 0; first -= 1) {
    const piece = pieces[first - 1]
    if (piece === undefined) break
    const endsLine = piece.data.at(-1) === LINE_FEED || !seen.has(piece.stream)
    if (endsLine && lines === count) break
    seen.add(piece.stream)
    if (endsLine) lines += 1
  }
  return pieces.slice(first)
}
