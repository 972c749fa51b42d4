import type { ErrandError } from '../core/errors.ts'
import type { Connections } from '../forward/connections.ts'
import type { Instance } from '../instance/instance.ts'
import type { StartPhases } from '../instance/start-phases.ts'
import type { Member } from './member.ts'
import type { Shelf } from './shelf.ts'

/**
 * What a turn says of its instance: `silent` when it did not answer in time, `unreachable` when it took no connection,
 * `open` when there is nothing to be said.
 */
export type TurnOutcome = 'good' | 'open' | 'faulty' | 'silent' | 'unreachable'

/** Who gets a turn back. */
export type GiveBack = (shelf: Shelf, member: Member, outcome: TurnOutcome, fault: ErrandError | undefined) => void

/** The right to send one request to an instance. Disposing gives it back; a fault of the instance unless said otherwise. */
export class Turn implements Disposable {
  readonly #shelf: Shelf
  readonly #member: Member
  readonly #giveBack: GiveBack
  #outcome: TurnOutcome = 'faulty'
  #fault: ErrandError | undefined

  constructor(shelf: Shelf, member: Member, giveBack: GiveBack) {
    this.#shelf = shelf
    this.#member = member
    this.#giveBack = giveBack
  }

  get connections(): Connections {
    return this.#member.connections
  }

  /** Of the start of an instance that has answered nothing yet; undefined for all others. */
  get start(): StartPhases | undefined {
    return this.#member.uses === 0 ? this.#member.phases : undefined
  }

  get instance(): Instance {
    return this.#member.instance
  }

  /** The instance has answered. */
  keep(): void {
    this.#outcome = 'good'
  }

  /** The request ended without the instance's doing: says neither good nor bad of it. */
  abandon(): void {
    this.#outcome = 'open'
  }

  /** The instance gave no proper answer. */
  blame(fault: ErrandError): void {
    this.#fault = fault
  }

  /** The instance takes no connection: nobody else is to be sent there. */
  giveUp(fault: ErrandError): void {
    this.#outcome = 'unreachable'
    this.#fault = fault
  }

  /** The instance may be stuck: it is asked whether it still answers anything. */
  suspect(): void {
    this.#outcome = 'silent'
  }

  [Symbol.dispose](): void {
    this.#giveBack(this.#shelf, this.#member, this.#outcome, this.#fault)
  }
}
