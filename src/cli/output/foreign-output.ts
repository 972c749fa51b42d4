import type { Output } from '../terminal.ts'
import { neutralize } from './neutralize.ts'

/** Where the output of a task goes: exact bytes into files and pipes, neutralised text onto a terminal. */
export interface ForeignOutput {
  /** Pieces may be cut anywhere. */
  write(data: Uint8Array): void
  /** Writes what was held back of a character that never became whole. */
  end(): void
}

/** `raw` leaves the bytes as they are on a terminal, too: whoever asks for it trusts the task with the terminal. */
export function foreignOutput(output: Output, { raw = false }: { readonly raw?: boolean } = {}): ForeignOutput {
  return output.isTTY && !raw ? new NeutralOutput(output) : { write: (data) => output.write(data), end: () => {} }
}

class NeutralOutput implements ForeignOutput {
  readonly #output: Output
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  /** A carriage return of which it is not known yet whether a line feed follows. */
  #held = ''

  constructor(output: Output) {
    this.#output = output
  }

  write(data: Uint8Array): void {
    this.#print(this.#decoder.decode(data, { stream: true }))
  }

  end(): void {
    const text = this.#held + this.#decoder.decode()
    this.#held = ''
    if (text !== '') this.#output.write(neutralize(text, { lines: true }))
  }

  #print(piece: string): void {
    const text = this.#held + piece
    this.#held = text.endsWith('\r') ? '\r' : ''
    const whole = text.slice(0, text.length - this.#held.length)
    if (whole !== '') this.#output.write(neutralize(whole, { lines: true }))
  }
}
