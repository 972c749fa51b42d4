import type { Output } from '../terminal.ts'
import { cutText } from './text-width.ts'

/** Up so many lines, to their start, and nothing below. */
function rewind(lines: number): string {
  return lines === 0 ? '' : `\u001b[${lines}A\r\u001b[J`
}

/** What has scrolled away cannot be shown anew, and what is wrapped takes more lines than it has. */
function fit(lines: readonly string[], { columns, rows }: Output): readonly string[] {
  const most = rows - 1
  const shown = lines.length <= most ? lines : [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more lines`]
  return shown.map((line) => (line.includes('\u001b') ? line : cutText(line, columns)))
}

/** A few lines on a terminal that are shown anew in their own place. */
export class LiveView implements Disposable {
  readonly #output: Output
  #lines = 0

  constructor(output: Output) {
    this.#output = output
  }

  /** `text` ends with a line feed, and has no colours in a line that is wider than the terminal: what is too much is cut. */
  show(text: string): void {
    const lines = fit(text.split('\n').slice(0, -1), this.#output)
    this.#output.write(rewind(this.#lines) + lines.map((line) => `${line}\n`).join(''))
    this.#lines = lines.length
  }

  /** What was shown last stays. */
  [Symbol.dispose](): void {
    this.#lines = 0
  }
}
