import type { ForeignOutput } from './foreign-output.ts'

const LINE_FEED = 0x0a

/** Puts the time before each line of what a task prints, wherever its pieces are cut. */
export class StampedOutput {
  readonly #output: ForeignOutput
  #isInLine = false

  constructor(output: ForeignOutput) {
    this.#output = output
  }

  /** `time`: of what begins a line in here. */
  write(data: Buffer, time: string): void {
    for (let at = 0; at < data.length; ) {
      if (!this.#isInLine) this.#output.write(Buffer.from(`${time} `))
      const end = data.indexOf(LINE_FEED, at)
      const next = end === -1 ? data.length : end + 1
      this.#output.write(data.subarray(at, next))
      this.#isInLine = end === -1
      at = next
    }
  }
}
