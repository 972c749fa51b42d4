import type { Clock } from '../core/clock.ts'
import type { ResourceKind, Resources } from '../core/resources.ts'
import type { LeaseHolder, Ledger } from '../resources/ledger.ts'
import type { Ranked } from './admission-queue.ts'
import type { Evictable } from './eviction.ts'
import type { HostCheck, HostCheckMode } from './host-check.ts'

export interface AdmissionRequest extends Ranked {
  readonly resources: Resources
  readonly holder: LeaseHolder
  /** How long it may wait in the queue. */
  readonly timeoutMs: number
  /** The longest that it holds what it gets, where that is known. */
  readonly holdsAtMostMs?: number
}

/** Where a request stands. */
export interface Standing {
  /** From 1. */
  readonly position: number
  /** What it itself lacks; empty for one that only has others before it. */
  readonly missing: readonly ResourceKind[]
}

export interface AdmissionLimits {
  /** Warm starts that may wait; one more is refused. */
  readonly queueLimit: number
  readonly hostCheck: HostCheckMode
  /** Factor on the cores on offer, 1 or more. */
  readonly cpuOvercommit: number
}

/** Told how long each lease was waited for, 0 where there was room at once. Must not throw. */
export interface AdmissionMeter {
  waited(what: 'start' | 'execution', ms: number): void
}

export interface AdmissionDeps {
  readonly ledger: Ledger
  readonly host: HostCheck
  /** The instances that may be evicted right now. */
  readonly idle: () => readonly Evictable[]
  readonly clock: Clock
  readonly limits: AdmissionLimits
  readonly meter?: AdmissionMeter | undefined
}

/** Warm starts have no priority: they come first. */
export function isExecution({ priority }: Ranked): boolean {
  return priority !== undefined
}
