import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import type { Engine, SandboxIdentity, SandboxRef, SandboxView } from '../engine/engine.ts'
import { Backoff } from '../util/backoff.ts'

export interface RemovalDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly log: Log
  /** Aborts when removal is to be left to the next start. */
  readonly closing: AbortSignal
}

/**
 * Removes a sandbox, however often the engine has to be asked; after an attempt that failed, only if it is still there.
 * False when `closing` came first.
 */
export async function removeSandbox(deps: RemovalDeps, ref: SandboxRef): Promise<boolean> {
  const { engine, closing } = deps
  let isFirst = true
  return persist(deps, async () => {
    if (!isFirst && (await engine.inspect(ref, closing))?.id !== ref.id) return
    isFirst = false
    await engine.remove(ref, closing)
  })
}

/** How long a call that gave no answer may still take effect once the engine answers again. */
export const LATE_CALL_MS = 10_000

/**
 * Removes what a create call that gave no answer may have made, now or a little later: engines go on with a call whose
 * caller has gone. One that hung as a whole takes up its calls side by side, in any order: an inspection that finds
 * nothing says little then.
 */
export async function removeUncertain(deps: RemovalDeps, identity: SandboxIdentity): Promise<boolean> {
  const { engine, clock, closing } = deps
  const backoff = new Backoff(100, 2000)
  let untilMs = Infinity
  for (;;) {
    let found: SandboxView | undefined
    const isAnswered = await persist(deps, async () => {
      found = await engine.inspect(identity, closing)
    })
    if (!isAnswered) return false
    // Of our name may also be what somebody else has made.
    if (found !== undefined && isThat(identity, found)) return removeSandbox(deps, found)
    untilMs = Math.min(untilMs, clock.monotonicMs() + LATE_CALL_MS)
    if (clock.monotonicMs() >= untilMs) return true
    await sleep(clock, backoff.nextMs(), closing).catch(() => {})
  }
}

/** Whether what was found is what was meant: of the same name may also be what somebody else has made. */
export function isThat({ labels }: SandboxIdentity, found: SandboxView): boolean {
  return Object.entries(labels).every(([label, value]) => found.labels[label] === value)
}

async function persist(deps: RemovalDeps, attempt: () => Promise<void>): Promise<boolean> {
  const { clock, log, closing } = deps
  const backoff = new Backoff(200, 10_000)
  while (!closing.aborted) {
    try {
      await attempt()
      return true
    } catch (error) {
      if (closing.aborted) return false
      log.warn({ err: error, tries: backoff.tries }, 'the engine did not say that a sandbox is gone; trying again')
      await sleep(clock, backoff.nextMs(), closing).catch(() => {})
    }
  }
  return false
}
