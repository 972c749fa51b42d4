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
  readonly #hosts = new Map<string, FairSlots>()
  readonly #all: FairSlots

  constructor(limits: SlotLimits) {
    this.#limits = limits
    this.#all = new FairSlots(limits.all, limits.perCaller)
  }

  /** Until disposed, as soon as there is room. @throws signal.reason */
  async take(host: string, callerId: string, signal: AbortSignal): Promise<Disposable> {
    const { perHost } = this.#limits
    const slots = this.#hosts.get(host) ?? new FairSlots(perHost, perHost)
    this.#hosts.set(host, slots)
    using held = new DisposableStack()
    held.defer(() => this.#forgetUnused(host, slots))
    // In this order: who waits for a host takes no room from those who do not.
    held.use(await slots.take(callerId, signal))
    held.use(await this.#all.take(callerId, signal))
    return held.move()
  }

  #forgetUnused(host: string, slots: FairSlots): void {
    if (slots.isUnused && this.#hosts.get(host) === slots) this.#hosts.delete(host)
  }
}
