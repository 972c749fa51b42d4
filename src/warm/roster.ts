import type { Resources } from '../core/resources.ts'
import { readTaskKey, type Task } from '../core/task.ts'
import type { InstanceImage } from '../instance/instance.ts'
import type { Member } from './member.ts'
import type { Shelf } from './shelf.ts'

/** One warm instance, for watchers. */
export interface WarmInstance {
  readonly id: string
  readonly callerId: string
  readonly task: Task
  /**
   * `starting`: the engine has been asked for it, and it is not ready. `leaving`: lent no more, and gone as soon as it has
   * answered what it is answering.
   */
  readonly state: 'starting' | 'idle' | 'busy' | 'leaving'
  /** Requests that it is answering, and has answered. */
  readonly turns: number
  readonly uses: number
  /** For how long it has been ready or, if it is not, asked for; and idle, undefined unless it is. */
  readonly ageMs: number
  readonly idleMs: number | undefined
  /** What its lease holds. */
  readonly resources: Resources
  readonly image: InstanceImage
}

interface Entry {
  readonly shelf: Shelf
  readonly member: Member
}

/** Every instance of a pool from its first turn until it is gone. */
export class Roster {
  readonly #entries = new Map<string, Entry>()

  add(shelf: Shelf, member: Member): void {
    const { id, gone } = member.instance
    this.#entries.set(id, { shelf, member })
    void gone.then(() => this.#entries.delete(id))
  }

  find(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  list(nowMs: number): readonly WarmInstance[] {
    return Array.from(this.#entries.values(), (entry) => describe(entry, nowMs))
  }
}

/** Those of a task that are not ready yet. */
export function describeStarting(shelf: Shelf, nowMs: number): WarmInstance[] {
  const { key, task, launches } = shelf
  const callerId = readTaskKey(key)?.callerId ?? ''
  const unused = { state: 'starting', turns: 0, uses: 0, idleMs: undefined } as const
  return [...launches].flatMap(({ starting, sinceMs }) => {
    return starting === undefined ? [] : [{ ...starting, ...unused, callerId, task, ageMs: nowMs - sinceMs }]
  })
}

function describe({ shelf, member }: Entry, nowMs: number): WarmInstance {
  const { id, resources, image } = member.instance
  const { turns, uses, isIdle, isRetired } = member
  return {
    id,
    callerId: readTaskKey(shelf.key)?.callerId ?? '',
    task: shelf.task,
    state: isRetired ? 'leaving' : turns > 0 ? 'busy' : 'idle',
    turns,
    uses,
    ageMs: nowMs - member.sinceMs,
    idleMs: isIdle ? nowMs - member.idleSinceMs : undefined,
    resources,
    image,
  }
}
