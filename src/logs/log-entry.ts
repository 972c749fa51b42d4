/** One piece of output, in the order in which it was taken. Pieces are not lines; together they are every byte. */
export interface LogEntry {
  /** From 1 and gap-free: a `gap` takes the places of what is missing. */
  readonly seq: number
  /** When it was taken, milliseconds since the Unix epoch. */
  readonly timeMs: number
  readonly stream: 'stdout' | 'stderr'
  /** Empty for a gap. */
  readonly data: Buffer
  /** In place of output that is not here. */
  readonly gap?: LogGap
}

export interface LogGap {
  /** `limit`: printed, but beyond what is kept. `missed`: nobody could listen for a while. */
  readonly cause: 'limit' | 'missed'
  /** The last place it takes. */
  readonly untilSeq: number
  /** How much it is; undefined when that cannot be known. */
  readonly bytes: number | undefined
}

/** Which part of a log. Nothing said: everything there is, then the end. */
export interface LogRange {
  /** True: no history. N: no more than the last N lines of it. */
  readonly tail?: boolean | number
  /** Goes on as output is produced, to the end of the execution. */
  readonly follow?: boolean
  /** Only entries after this `seq`. */
  readonly sinceSeq?: number
  /** Only entries taken at this wall time or later. */
  readonly sinceMs?: number
  /** Only this stream; `seq` then jumps. */
  readonly stream?: 'stdout' | 'stderr'
}
