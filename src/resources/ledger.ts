import { addResources, NO_RESOURCES, RESOURCE_KINDS, type Resources, subtractResources } from '../core/resources.ts'
import { kindsIn, shortfall } from './shortfall.ts'

/** Who holds resources, for those who wait for them. */
export interface LeaseHolder {
  readonly instanceId: string
  readonly image: string
}

/** Resources of one instance, from before its creation until the engine confirms that it is gone. */
export interface Lease {
  readonly resources: Resources
  readonly holder: LeaseHolder
  /** Says that the instance is being removed, so that nobody evicts another one for the same shortage. Idempotent. */
  markReturning(): void
  /** Gives everything back, exactly once however often it is called. */
  release(): void
}

/** The only thing that moves free resources. Whole numbers in and out, so that sums are exact. */
export class Ledger {
  #capacity: Resources
  #reserved = NO_RESOURCES
  #returning = NO_RESOURCES
  readonly #leases = new Set<Lease>()
  readonly #listeners = new Set<() => void>()

  constructor(capacity: Resources) {
    this.#capacity = capacity
  }

  get capacity(): Resources {
    return this.#capacity
  }

  /** Negative in kinds whose capacity was lowered below what is in use. */
  get free(): Resources {
    return subtractResources(this.#capacity, this.#reserved)
  }

  /** More is held than there is, even without what is being given back: something that was adopted has no room. */
  get isOverbooked(): boolean {
    const left = addResources(this.free, this.#returning)
    return RESOURCE_KINDS.some((kind) => left[kind] < 0)
  }

  /** Held by leases, those being given back included. */
  get reserved(): Resources {
    return this.#reserved
  }

  /** The part of `reserved` that is being given back. */
  get returning(): Resources {
    return this.#returning
  }

  /** Oldest first. */
  leases(): Iterable<Lease> {
    return this.#leases.values()
  }

  /** Kills nothing: lowering below what is in use makes `free` negative until enough is given back. */
  setCapacity(capacity: Resources): void {
    this.#capacity = capacity
    this.#notify()
  }

  /** A lease on all that is asked, or undefined when any kind has not enough. */
  tryReserve(asked: Resources, holder: LeaseHolder): Lease | undefined {
    if (kindsIn(shortfall(asked, this.free)).length > 0) return undefined
    return this.adopt(asked, holder)
  }

  /** A lease for what exists already, whether there is room for it or not. */
  adopt(held: Resources, holder: LeaseHolder): Lease {
    const lease = this.#makeLease(held, holder)
    this.#leases.add(lease)
    this.#reserved = addResources(this.#reserved, held)
    return lease
  }

  /** Calls `listener`, which must not throw, after each release and change of capacity. Disposing lets go of it. */
  onRelease(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #makeLease(resources: Resources, holder: LeaseHolder): Lease {
    let state: 'held' | 'returning' | 'released' = 'held'
    const lease: Lease = {
      resources,
      holder,
      markReturning: () => {
        if (state !== 'held') return
        state = 'returning'
        this.#returning = addResources(this.#returning, resources)
      },
      release: () => {
        if (state === 'released') return
        if (state === 'returning') this.#returning = subtractResources(this.#returning, resources)
        state = 'released'
        this.#leases.delete(lease)
        this.#reserved = subtractResources(this.#reserved, resources)
        this.#notify()
      },
    }
    return lease
  }

  #notify(): void {
    for (const listener of this.#listeners) listener()
  }
}
