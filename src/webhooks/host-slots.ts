import { FairSlots } from './fair-slots.ts'

export interface SlotLimits {
  readonly perHost: number
  /** Of one caller, whatever the host. */
  readonly perCaller: number
  readonly all: number
}

/** How much may be under way at once: neither a slow host nor a caller with many of those keeps others waiting. */
export class HostSlots {
  readonly #limits: SlotLimits
  /** Of one caller at one host. */
  readonly #own = new Map<string, FairSlots>()
  readonly #callers = new Map<string, FairSlots>()
  readonly #hosts = new Map<string, FairSlots>()
  readonly #all: FairSlots

  constructor(limits: SlotLimits) {
    this.#limits = limits
    this.#all = new FairSlots(limits.all, limits.all)
  }

  /**
   * Until disposed, as soon as there is room. What it waits for one after the other goes from what is its caller's alone to
   * what is everybody's: who waits for a share holds nothing that another caller could use.
   * @throws signal.reason
   */
  async take(host: string, callerId: string, signal: AbortSignal): Promise<Disposable> {
    const { perHost, perCaller } = this.#limits
    using held = new DisposableStack()
    const takeOf = async (slots: Map<string, FairSlots>, key: string, most: number): Promise<void> => {
      const of = slots.get(key) ?? new FairSlots(most, most)
      slots.set(key, of)
      held.defer(() => forgetUnused(slots, key, of))
      held.use(await of.take(callerId, signal))
    }
    // What waits for a slow host takes no more of its caller's share than would be sent there.
    await takeOf(this.#own, `${host} ${callerId}`, perHost)
    await takeOf(this.#callers, callerId, perCaller)
    await takeOf(this.#hosts, host, perHost)
    held.use(await this.#all.take(callerId, signal))
    return held.move()
  }
}

function forgetUnused(slots: Map<string, FairSlots>, key: string, of: FairSlots): void {
  if (of.isUnused && slots.get(key) === of) slots.delete(key)
}
