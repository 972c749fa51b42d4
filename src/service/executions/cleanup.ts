import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { Deadline } from '../../core/wait.ts'
import { namesIn } from '../../files/names-in.ts'
import { discardTree } from '../../files/remove-tree.ts'
import { abortable } from '../../util/abort.ts'
import type { CleanupReport } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'

/** How long everything together may take, before what is left is reported. */
const MOST_MS = 60_000

type Removal = readonly [name: string, work: Promise<unknown>]

/** Removes everything of one executor, whichever process made it, and tells what could not be removed. */
export class Cleanup {
  readonly #deps: ExecutionDeps
  readonly #forget: (executionId: string) => Promise<void>

  constructor(deps: ExecutionDeps, forget: (executionId: string) => Promise<void>) {
    this.#deps = deps
    this.#forget = forget
  }

  async run(executionIds: readonly string[], parent: AbortSignal): Promise<CleanupReport> {
    const tooLate = (): ErrandError => new ErrandError('deadline_exceeded', `it was not gone within ${MOST_MS} ms`)
    using deadline = new Deadline(this.#deps.clock, MOST_MS, tooLate, parent)
    const { signal } = deadline
    const known = executionIds.map((executionId): Removal => [executionId, this.#forget(executionId)])
    const first = await carryOut(known, signal)
    const second = await carryOut([...this.#sandboxes(signal), ...(await this.#folders(executionIds))], signal)
    parent.throwIfAborted()
    return { removed: [...first.removed, ...second.removed], failed: [...first.failed, ...second.failed] }
  }

  /** What earlier processes left on the engines. */
  #sandboxes(signal: AbortSignal): Removal[] {
    return [...this.#deps.engines].map(([type, { instances }]) => [
      `sandboxes of earlier processes on ${type}`,
      instances.removeLeftovers(signal),
    ])
  }

  /** What they left in our folder. */
  async #folders(executionIds: readonly string[]): Promise<Removal[]> {
    const { folder, trash } = this.#deps
    const known = new Set(executionIds)
    const found = await namesIn(folder)
    return found
      .filter((name) => !known.has(name))
      .map((name) => [`files of ${name}`, discardTree(join(folder, name), trash)])
  }
}

async function carryOut(removals: readonly Removal[], signal: AbortSignal): Promise<CleanupReport> {
  const removed: string[] = []
  const failed: { name: string; message: string }[] = []
  const waits = removals.map(async ([name, work]) => {
    try {
      // Nothing left behind is nothing removed.
      if ((await abortable(work, signal)) !== 0) removed.push(name)
    } catch (error) {
      failed.push({ name, message: ErrandError.from(error).message })
    }
  })
  await Promise.all(waits)
  return { removed, failed }
}
