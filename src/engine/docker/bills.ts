import type { Log } from '../../core/log.ts'
import type { SandboxBill, SandboxSpec } from '../engine.ts'
import { containerRows } from './answers/containers.ts'
import { infoAnswer } from './answers/host.ts'
import { readJson } from './answers/read-answer.ts'
import { ParentCgroups, seesHostCgroups } from './cgroups.ts'
import type { DockerClient } from './client.ts'

const SHORT_ID_LENGTH = 12

interface BillsDeps {
  readonly client: DockerClient
  readonly installation: string
  readonly log: Log
}

/**
 * What containers have used in all. The Engine forgets that at their end, with their cgroups; a cgroup of ours above each
 * one remembers. Warm instances need none. Disposing removes the folder of them if it is empty.
 */
export class Bills implements AsyncDisposable {
  readonly #client: DockerClient
  readonly #log: Log
  readonly #cgroups: ParentCgroups
  #canParent: boolean | undefined

  constructor({ client, installation, log }: BillsDeps) {
    this.#client = client
    this.#log = log
    this.#cgroups = new ParentCgroups(`errand-${installation.slice(0, SHORT_ID_LENGTH)}`)
  }

  /** What to name as the container's parent cgroup; undefined where none is needed, or possible. */
  async parentOf(spec: SandboxSpec, container: string, signal: AbortSignal): Promise<string | undefined> {
    if (spec.port !== undefined) return undefined
    this.#canParent ??= await this.#askEngine(signal)
    return this.#canParent ? this.#cgroups.pathOf(container) : undefined
  }

  async read(container: string): Promise<SandboxBill | undefined> {
    return this.#cgroups.read(container)
  }

  /** Once the container is gone. Never rejects. */
  async discard(container: string): Promise<void> {
    await this.#cgroups.remove(container)
  }

  /**
   * Discards the bills of containers that are gone: somebody else removed them, or we were killed meanwhile. Never
   * rejects: what is left is found the next time.
   */
  async discardUnused(signal: AbortSignal): Promise<void> {
    // An Engine that is listened to anew may have been restarted with another driver.
    this.#canParent = undefined
    try {
      // In this order: a container that appears in between is not among the cgroups.
      const unused = await this.#cgroups.list()
      if (unused.size === 0) return
      for (const name of await this.#containers(signal)) unused.delete(name)
      await Promise.all([...unused].map((name) => this.#cgroups.remove(name)))
    } catch (error) {
      if (!signal.aborted) this.#log.debug({ err: error }, 'unused cgroups could not be removed')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cgroups.removeFolder()
  }

  /** With the systemd driver a parent would have to be a slice, which counts for all that is in it. */
  async #askEngine(signal: AbortSignal): Promise<boolean> {
    const reply = await this.#client.look({ operation: 'probe', method: 'GET', path: '/info' }, signal)
    const { CgroupDriver } = readJson(infoAnswer, reply.body)
    return CgroupDriver === 'cgroupfs' && (await seesHostCgroups())
  }

  async #containers(signal: AbortSignal): Promise<string[]> {
    const query = { all: '1' }
    const path = '/containers/json'
    const reply = await this.#client.look({ operation: 'list', method: 'GET', path, query }, signal)
    return readJson(containerRows, reply.body).flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')))
  }
}
