import type { Connections } from '../forward/connections.ts'
import type { Instance } from '../instance/instance.ts'
import type { Member } from './member.ts'
import type { Shelf } from './shelf.ts'

/** Who gets a turn back. */
export type GiveBack = (shelf: Shelf, member: Member, wasGood: boolean) => void

/**
 * The right to send one request to an instance. Disposing gives it back, and counts as a fault of the instance unless
 * `keep` was called before.
 */
export class Turn implements Disposable {
  readonly #shelf: Shelf
  readonly #member: Member
  readonly #giveBack: GiveBack
  #isKept = false

  constructor(shelf: Shelf, member: Member, giveBack: GiveBack) {
    this.#shelf = shelf
    this.#member = member
    this.#giveBack = giveBack
  }

  get connections(): Connections {
    return this.#member.connections
  }

  get instance(): Instance {
    return this.#member.instance
  }

  /** The instance did nothing wrong. */
  keep(): void {
    this.#isKept = true
  }

  [Symbol.dispose](): void {
    this.#giveBack(this.#shelf, this.#member, this.#isKept)
  }
}
