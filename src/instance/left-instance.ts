import type { Resources } from '../core/resources.ts'
import type { SandboxListing, SandboxView } from '../engine/engine.ts'
import type { Lease, LeaseHolder } from '../resources/ledger.ts'
import { attemptOf, type Installation, isOurs, kindOf, ownerIdOf, type WarmRecord, warmRecordOf } from './identity.ts'
import { type RemovalDeps, removeSandbox } from './removal.ts'

/** A warm instance that an earlier process made. Is adopted or discarded; holds its lease until it is gone, either way. */
export interface LeftInstance {
  /** Under which the engine knows it. */
  readonly name: string
  readonly listing: SandboxListing
  /** What its labels say. */
  readonly record: WarmRecord
  readonly lease: Lease
}

/** A lease for what is there already. */
export type GiveLease = (held: Resources, holder: LeaseHolder) => Lease

interface LeftInstancesDeps extends RemovalDeps {
  readonly installation: Installation
}

/** What earlier processes left; the warm instances from when they are found until each is taken over or gone. */
export class LeftInstances {
  readonly #deps: LeftInstancesDeps
  readonly #living: Set<{ readonly name: string }>
  readonly #undecided = new Set<LeftInstance>()

  /** What is in `living` is no leftover to others. */
  constructor(deps: LeftInstancesDeps, living: Set<{ readonly name: string }>) {
    this.#deps = deps
    this.#living = living
  }

  find(listed: readonly SandboxListing[], lease: GiveLease): readonly LeftInstance[] {
    const left = listed.flatMap((listing): LeftInstance[] => {
      const record = isOurs(this.#deps.installation, listing) ? warmRecordOf(listing) : undefined
      if (record === undefined) return []
      const holder = { instanceId: record.id, image: record.task.image }
      return [{ name: listing.name, listing, record, lease: lease(record.leased, holder) }]
    })
    for (const each of left) {
      this.#undecided.add(each)
      this.#living.add(each)
    }
    return left
  }

  /** What the engine shows of executions, by execution id. */
  async executions(listed: readonly SandboxListing[], signal: AbortSignal): Promise<Map<string, SandboxView>> {
    const { engine, installation } = this.#deps
    const ours = listed.filter((listing) => isOurs(installation, listing) && kindOf(listing) === 'execution')
    const views = await Promise.all(ours.map((listing) => engine.inspect(listing, signal)))
    const found = views.filter((view) => view !== undefined)
    // The last attempt of each: the one before may not be gone yet.
    return new Map(found.toSorted((a, b) => attemptOf(a) - attemptOf(b)).map((view) => [ownerIdOf(view), view]))
  }

  /** What belongs to no instance, neither of those before the list was made nor of those now. */
  withoutInstance(listed: readonly SandboxListing[], living: readonly { readonly name: string }[]): SandboxListing[] {
    const { installation, log } = this.#deps
    const ours = listed.filter((listing) => isOurs(installation, listing))
    for (const { name } of listed.filter((listing) => !ours.includes(listing))) {
      log.warn({ sandbox: name }, 'a sandbox carries our installation label but not our mac; left alone')
    }
    const names = new Set([...living, ...this.#living].map(({ name }) => name))
    return ours.filter(({ name }) => !names.has(name))
  }

  /** False when it was decided already what becomes of it. */
  decide(left: LeftInstance): boolean {
    return this.#undecided.delete(left)
  }

  async remove(left: LeftInstance): Promise<void> {
    left.lease.markReturning()
    const isRemoved = await removeSandbox(this.#deps, left.listing)
    if (!isRemoved) return
    left.lease.release()
    this.#living.delete(left)
    this.noteRemoved(left)
  }

  noteRemoved({ record: { id, task } }: LeftInstance): void {
    this.#deps.log.info({ instance: id, image: task.image }, 'removed an instance')
  }
}
