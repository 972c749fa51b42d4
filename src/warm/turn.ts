import type { Connections } from '../forward/connections.ts'
import type { Instance } from '../instance/instance.ts'
import type { Member } from './member.ts'
import type { Shelf } from './shelf.ts'

/** What a turn says of its instance: `silent` when it did not answer in time. */
export type TurnOutcome = 'good' | 'faulty' | 'silent'

/** Who gets a turn back. */
export type GiveBack = (shelf: Shelf, member: Member, outcome: TurnOutcome) => void

/**
 * The right to send one request to an instance. Disposing gives it back, and counts as a fault of the instance unless
 * `keep` was called before.
 */
export class Turn implements Disposable {
  readonly #shelf: Shelf
  readonly #member: Member
  readonly #giveBack: GiveBack
  #outcome: TurnOutcome = 'faulty'

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
    this.#outcome = 'good'
  }

  /** The instance may be stuck: it is asked whether it still answers anything. */
  suspect(): void {
    this.#outcome = 'silent'
  }

  [Symbol.dispose](): void {
    this.#giveBack(this.#shelf, this.#member, this.#outcome)
  }
}
