import { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'

export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn()
}

/** So many bytes, in pieces, and how many of them somebody took. */
export class Source extends Readable {
  made = 0
  readonly #total: number

  constructor(total: number) {
    super()
    this.#total = total
  }

  override _read(): void {
    const size = Math.min(64 * 1024, this.#total - this.made)
    this.made += size
    this.push(size === 0 ? null : Buffer.alloc(size, 'x'))
  }
}

/** Until nothing moves any more. */
export async function settledAt(read: () => number): Promise<number> {
  for (let same = 0, last = -1; same < 200; last = read()) {
    same = read() === last ? same + 1 : 0
    await nextTurn()
  }
  return read()
}
