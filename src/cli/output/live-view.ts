import type { Output } from '../terminal.ts'

/** Up so many lines, to their start, and nothing below. */
function rewind(lines: number): string {
  return lines === 0 ? '' : `\u001b[${lines}A\r\u001b[J`
}

/** A few lines on a terminal that are shown anew in their own place. Elsewhere each is printed after the one before. */
export class LiveView implements Disposable {
  readonly #output: Output
  #lines = 0

  constructor(output: Output) {
    this.#output = output
  }

  /** `text` ends with a line feed, and no line of it is wider than the terminal. */
  show(text: string): void {
    this.#output.write((this.#output.isTTY ? rewind(this.#lines) : '') + text)
    this.#lines = text.split('\n').length - 1
  }

  /** What was shown last stays. */
  [Symbol.dispose](): void {
    this.#lines = 0
  }
}
