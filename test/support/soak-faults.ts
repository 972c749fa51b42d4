import { setTimeout as sleep } from 'node:timers/promises'
import { run } from '../../examples/tasks/offline/command.ts'
import type { EngineProxy } from './engine-proxy.ts'
import type { MortalNode } from './mortal-node.ts'
import type { Random } from './random.ts'
import type { SoakLoad } from './soak-load.ts'

const FAULTS = ['kill', 'remove', 'freeze', 'cut'] as const
const MOST_FROZEN_MS = 2000

/** What happens to a node beside its work. One at a time. */
export class SoakFaults {
  readonly counts: Record<(typeof FAULTS)[number], number> = { kill: 0, remove: 0, freeze: 0, cut: 0 }
  readonly #node: MortalNode
  readonly #proxy: EngineProxy
  readonly #load: SoakLoad
  readonly #random: Random
  #done = 0

  constructor(node: MortalNode, proxy: EngineProxy, load: SoakLoad, random: Random) {
    this.#node = node
    this.#proxy = proxy
    this.#load = load
    this.#random = random
  }

  /** Each kind in its turn, then any. */
  async one(): Promise<void> {
    const fault = FAULTS[this.#done] ?? this.#pick(FAULTS) ?? 'kill'
    this.#done += 1
    this.counts[fault] += 1
    await this[fault]()
  }

  /** Kills the daemon, and starts the next one. */
  async kill(): Promise<void> {
    await this.#node.kill()
    await this.#node.start()
  }

  /** As `docker rm -f` by the machine's owner. */
  async remove(): Promise<void> {
    const container = await this.#container()
    if (container === undefined) return
    this.#load.disturbed.add(container.executionId)
    await attempt('rm', '--force', '--volumes', container.id)
  }

  /** As `docker pause` and `docker unpause` by the machine's owner. */
  async freeze(): Promise<void> {
    const container = await this.#container()
    if (container === undefined) return
    await attempt('pause', container.id)
    await sleep(this.#random() * MOST_FROZEN_MS)
    await attempt('unpause', container.id)
  }

  /** Its stream of the engine's events ends in the middle. */
  async cut(): Promise<void> {
    this.#proxy.cut(/\/events\b/)
  }

  async #container(): Promise<{ readonly id: string; readonly executionId: string } | undefined> {
    const filter = `label=dev.errand.installation=${await this.#node.home.installation()}`
    const format = '{{.ID}} {{.Label "dev.errand.id"}}'
    const lines = (await run('docker', ['ps', '--filter', filter, '--format', format])).split('\n')
    const [id = '', executionId = ''] = (this.#pick(lines) ?? '').split(' ')
    return id === '' ? undefined : { id, executionId }
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)]
  }
}

/** What it is done to may have ended meanwhile. */
async function attempt(...args: readonly string[]): Promise<void> {
  await run('docker', [...args]).catch(() => {})
}
