import { ErrandError } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { Resources } from '../core/resources.ts'
import { type Lease, type LeaseHolder, Ledger } from '../resources/ledger.ts'
import { Admission } from './admission.ts'
import type { AdmissionLimits, AdmissionRequest } from './admission-request.ts'
import type { Evictable } from './eviction.ts'

/** A caller that never leaves. */
export const never: AbortSignal = new AbortController().signal
export const callerLeft: ErrandError = new ErrandError('cancelled', 'the caller left')

export function cores(cpuMillis: number, memoryBytes = 1): Resources {
  return { cpuMillis, memoryBytes, gpus: 0 }
}

/** A ledger that remembers in which order it gave, which the order in which promises settle does not tell. */
class RecordingLedger extends Ledger {
  readonly reservedFor: string[] = []

  override tryReserve(asked: Resources, holder: LeaseHolder): Lease | undefined {
    const lease = super.tryReserve(asked, holder)
    if (lease !== undefined) this.reservedFor.push(holder.instanceId)
    return lease
  }
}

/** An admission with all around it in a test's hand. */
export class AdmissionWorld {
  readonly clock: ManualClock = new ManualClock()
  readonly ledger: RecordingLedger = new RecordingLedger({ cpuMillis: 4000, memoryBytes: 4000, gpus: 1 })
  readonly host = {
    capacity: { cpuMillis: 4000 },
    free: { cpuMillis: 4000 as number | undefined, memoryBytes: 10_000 },
    hostFree: (): { cpuMillis: number | undefined; memoryBytes: number } => this.host.free,
  }
  readonly idle: Evictable[] = []
  readonly evicted: Lease[] = []
  /** Why, for each of them. */
  readonly short: (readonly string[])[] = []
  readonly admission: Admission

  constructor(limits: Partial<AdmissionLimits> = {}) {
    this.admission = new Admission({
      ledger: this.ledger,
      host: this.host,
      idle: () => this.idle,
      clock: this.clock,
      limits: { queueLimit: 10, hostCheck: 'full', cpuOvercommit: 1, ...limits },
    })
  }

  admit(
    resources: Resources,
    options: { name?: string; timeoutMs?: number; signal?: AbortSignal } & Partial<AdmissionRequest> = {},
  ): Promise<Lease> {
    const { name = 'task', timeoutMs = 30_000, signal = never, ...more } = options
    const holder = { instanceId: name, image: `${name}-image` }
    return this.admission.admit({ ...more, resources, holder, timeoutMs }, signal)
  }

  /** Makes the lease's instance idle. Its removal takes until somebody releases the lease. */
  becomeIdle(lease: Lease, value = 1): void {
    const evict = (short: readonly string[]): void => {
      this.short.push(short)
      this.idle.splice(this.idle.indexOf(evictable), 1)
      this.evicted.push(lease)
      lease.markReturning()
    }
    const evictable = { resources: lease.resources, value, evict }
    this.idle.push(evictable)
    this.admission.wake()
  }
}
