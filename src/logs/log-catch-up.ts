import type { OutputChunk, OutputRange } from '../engine/engine.ts'
import type { LogStream } from './extent.ts'
import type { LogEntry, LogRange } from './log-entry.ts'
import { OutputRing } from './output-ring.ts'
import { StreamResumption } from './stream-resumption.ts'

/** So much of each stream must be the same in the log and in what the engine kept. */
const COMPARED_BYTES = 4 * 1024

/** Output kept by an engine, oldest first. */
export type KeptOutput = (range: OutputRange) => AsyncIterable<OutputChunk>

/** What catching up needs of a log. */
export interface CatchingLog {
  /** Of what the engine has: a log may have begun before. */
  readonly totals: { readonly stdoutBytes: number; readonly stderrBytes: number }
  append(stream: LogStream, data: Buffer): void
  noteGap(): void
  read(range: LogRange): AsyncIterable<LogEntry>
  /** Resolves when what was appended is not waiting for the disk any more. */
  written(): Promise<void>
}

/**
 * Goes on with a log from what an engine kept, to the end of the sandbox. Nothing is taken twice; when the engine does not
 * have the beginning any more, there is a gap, and what came later.
 */
export async function catchUp(log: CatchingLog, kept: KeptOutput): Promise<void> {
  const taken = await lastOf(log)
  const trial = resumptions(log, taken)
  for await (const { stream, data } of kept({})) trial[stream].pass(data)
  if (!isResumed(trial)) return goOn(log, kept, taken.timeMs + 1)
  const resumption = resumptions(log, taken)
  let isWhole = true
  for await (const { stream, data } of kept({ follow: true })) {
    const fresh = resumption[stream].pass(data)
    // Given up by the engine between the trial and this.
    if (isWhole && fresh.length > 0 && !resumption[stream].isResumed) log.noteGap()
    isWhole &&= fresh.length === 0 || resumption[stream].isResumed
    log.append(stream, fresh)
    await log.written()
  }
  if (isWhole && !isResumed(resumption)) log.noteGap()
}

async function goOn(log: CatchingLog, kept: KeptOutput, sinceMs: number): Promise<void> {
  log.noteGap()
  for await (const { stream, data } of kept({ follow: true, sinceMs })) {
    log.append(stream, data)
    await log.written()
  }
}

interface Taken {
  readonly stdout: OutputRing
  readonly stderr: OutputRing
  /** Of the last entry. */
  readonly timeMs: number
}

/** The end of what a log has. */
async function lastOf(log: CatchingLog): Promise<Taken> {
  let [stdout, stderr, timeMs] = [new OutputRing(COMPARED_BYTES), new OutputRing(COMPARED_BYTES), 0]
  for await (const entry of log.read({})) {
    timeMs = Math.max(timeMs, entry.timeMs)
    // What comes before a gap is not next to what comes after it.
    if (entry.gap !== undefined) [stdout, stderr] = [new OutputRing(COMPARED_BYTES), new OutputRing(COMPARED_BYTES)]
    else if (entry.stream === 'stdout') stdout.push(entry.data)
    else stderr.push(entry.data)
  }
  return { stdout, stderr, timeMs }
}

type Resumptions = Readonly<Record<LogStream, StreamResumption>>

function resumptions({ totals }: CatchingLog, { stdout, stderr }: Taken): Resumptions {
  return {
    stdout: resumption(totals.stdoutBytes, stdout.bytes()),
    stderr: resumption(totals.stderrBytes, stderr.bytes()),
  }
}

/** What came before those totals is of no account. */
function resumption(takenBytes: number, lastTaken: Buffer): StreamResumption {
  return new StreamResumption(takenBytes, lastTaken.subarray(Math.max(0, lastTaken.length - takenBytes)))
}

function isResumed({ stdout, stderr }: Resumptions): boolean {
  return stdout.isResumed && stderr.isResumed
}
