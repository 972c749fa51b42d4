import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import type { Engine, SandboxRef } from '../engine/engine.ts'
import { Backoff } from '../util/backoff.ts'

export interface RemovalDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly log: Log
  /** Aborts when removal is to be left to the next start. */
  readonly closing: AbortSignal
}

/** Removes a sandbox, however often the engine has to be asked. False when `closing` came first. */
export async function removeSandbox(deps: RemovalDeps, ref: SandboxRef): Promise<boolean> {
  return persist(deps, () => deps.engine.remove(ref, deps.closing))
}

/** How long a create call that gave no answer may still take effect in the engine. */
const LATE_CREATE_MS = 10_000

/**
 * Removes what a create call that gave no answer may have made, now or a little later: engines go on with a call whose
 * caller has gone.
 */
export async function removeUncertain(deps: RemovalDeps, name: string): Promise<boolean> {
  const { engine, clock, closing } = deps
  const untilMs = clock.monotonicMs() + LATE_CREATE_MS
  const backoff = new Backoff(100, 2000)
  for (;;) {
    let found: SandboxRef | undefined
    const isAnswered = await persist(deps, async () => {
      found = await engine.inspect({ name }, closing)
    })
    if (!isAnswered) return false
    if (found !== undefined) return removeSandbox(deps, found)
    if (clock.monotonicMs() >= untilMs) return true
    await sleep(clock, backoff.nextMs(), closing).catch(() => {})
  }
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
      log.warn({ err: error, tries: backoff.tries }, 'the engine did not remove a sandbox; trying again')
      await sleep(clock, backoff.nextMs(), closing).catch(() => {})
    }
  }
  return false
}
