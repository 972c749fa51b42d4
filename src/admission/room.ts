import { mapResources, type ResourceKind, type Resources } from '../core/resources.ts'
import type { Lease, LeaseHolder, Ledger } from '../resources/ledger.ts'
import { kindsIn, shortfall } from '../resources/shortfall.ts'
import type { HostCheck, HostCheckMode } from './host-check.ts'

export interface RoomDeps {
  readonly ledger: Ledger
  readonly host: HostCheck
  readonly limits: {
    readonly hostCheck: HostCheckMode
    /** Factor on the cores on offer, 1 or more. */
    readonly cpuOvercommit: number
  }
}

const NAMES: Readonly<Record<ResourceKind, string>> = { cpuMillis: 'cpu', memoryBytes: 'memory', gpus: 'gpus' }

/** What there is room for, by the ledger and by the real host together. */
export class Room {
  readonly #deps: RoomDeps

  constructor(deps: RoomDeps) {
    this.#deps = deps
  }

  /** The most that one task may have: overcommit leases out more cores than there are, but none can use more than those. */
  get maximum(): Resources {
    const { ledger, host } = this.#deps
    return { ...ledger.capacity, cpuMillis: Math.min(ledger.capacity.cpuMillis, host.capacity.cpuMillis) }
  }

  get free(): Resources {
    const [leasable, onHost] = [this.#deps.ledger.free, this.#onHost()]
    return mapResources((kind) => Math.min(leasable[kind], onHost[kind]))
  }

  tryReserve(asked: Resources, holder: LeaseHolder): Lease | undefined {
    return this.isHostShort(asked) ? undefined : this.#deps.ledger.tryReserve(asked, holder)
  }

  isHostShort(asked: Resources): boolean {
    return kindsIn(this.#missingOnHost(asked)).length > 0
  }

  /** What leases would have to give back to make room for `asked`, beyond what is being given back already. */
  missing(asked: Resources): Resources {
    const { free, returning } = this.#deps.ledger
    const [inLedger, onHost] = [shortfall(asked, free), this.#missingOnHost(asked)]
    return mapResources((kind) => Math.max(inLedger[kind], onHost[kind]) - returning[kind])
  }

  /** The same for an operator, who has to know which of the two it is: the grant can be full on an idle host, and free on a busy one. */
  describeMissing(asked: Resources): string[] {
    const inGrant = kindsIn(shortfall(asked, this.#deps.ledger.free)).map((kind) => `${NAMES[kind]} of the grant`)
    return [...inGrant, ...kindsIn(this.#missingOnHost(asked)).map((kind) => `${NAMES[kind]} of the host`)]
  }

  /** For CPU never more than all that is leased: with nothing of ours on it, the CPU of the host is not checked. */
  #missingOnHost(asked: Resources): Resources {
    const missing = shortfall(asked, this.#onHost())
    return { ...missing, cpuMillis: Math.min(missing.cpuMillis, this.#deps.ledger.reserved.cpuMillis) }
  }

  /** What the host alone has for another lease; a kind that is not checked is without limit. */
  #onHost(): Resources {
    const { host, ledger, limits } = this.#deps
    const unchecked = { cpuMillis: Infinity, memoryBytes: Infinity, gpus: Infinity }
    if (limits.hostCheck === 'none') return unchecked
    const { cpuMillis, memoryBytes } = host.hostFree()
    const leasedMillis = ledger.reserved.cpuMillis
    // With nothing of ours there is nothing to wait for: a busy host must not keep the first task out for ever.
    const isCpuChecked = limits.hostCheck === 'full' && cpuMillis !== undefined && leasedMillis > 0
    if (!isCpuChecked) return { ...unchecked, memoryBytes }
    return { ...unchecked, cpuMillis: Math.floor(cpuMillis * limits.cpuOvercommit) - leasedMillis, memoryBytes }
  }
}
