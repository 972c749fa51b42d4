export type LogStream = 'stdout' | 'stderr'

interface ExtentValues {
  readonly places: number
  readonly stdoutBytes: number
  readonly stderrBytes: number
  readonly missed: number
}

/** How much of a log, from some place to another. From its beginning, it is a position: the next entry has `nextSeq`. */
export class Extent implements ExtentValues {
  /** Sequence numbers. */
  places: number
  stdoutBytes: number
  stderrBytes: number
  /** Times that nobody could listen. While there is one, the bytes are only those that are known of. */
  missed: number

  constructor(values: ExtentValues = { places: 0, stdoutBytes: 0, stderrBytes: 0, missed: 0 }) {
    this.places = values.places
    this.stdoutBytes = values.stdoutBytes
    this.stderrBytes = values.stderrBytes
    this.missed = values.missed
  }

  get nextSeq(): number {
    return this.places + 1
  }

  get bytes(): number {
    return this.stdoutBytes + this.stderrBytes
  }

  addData(stream: LogStream, bytes: number): void {
    this.places += 1
    this.addBytes(stream, bytes)
  }

  /** More of the last entry. */
  addBytes(stream: LogStream, bytes: number): void {
    if (stream === 'stdout') this.stdoutBytes += bytes
    else this.stderrBytes += bytes
  }

  add(more: ExtentValues): void {
    this.places += more.places
    this.stdoutBytes += more.stdoutBytes
    this.stderrBytes += more.stderrBytes
    this.missed += more.missed
  }

  since(earlier: ExtentValues): Extent {
    return new Extent({
      places: this.places - earlier.places,
      stdoutBytes: this.stdoutBytes - earlier.stdoutBytes,
      stderrBytes: this.stderrBytes - earlier.stderrBytes,
      missed: this.missed - earlier.missed,
    })
  }

  /** Undefined when it cannot be known. */
  bytesOf(stream: LogStream | undefined): number | undefined {
    if (this.missed > 0) return undefined
    if (stream === undefined) return this.bytes
    return stream === 'stdout' ? this.stdoutBytes : this.stderrBytes
  }
}
