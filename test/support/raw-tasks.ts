import assert from 'node:assert/strict'
import type { DaemonDeps } from '../../src/daemon/daemon.ts'
import { FakeEngine, type FakeScript } from '../../src/engine/fake/fake-engine.ts'
import { type RawAnswer, RawServer } from '../../src/forward/raw-server.fixture.ts'
import type { MecaAnswer, TestDaemon } from './daemon.ts'
import { startFaultDaemon } from './fault-daemon.ts'

const MARK = 'meca-init-done'
const SMALL = { cpu: 0.1, mem: 64 }

/** A whole daemon on a fake engine, whose instances are servers that the test scripts byte by byte. */
export class RawTasks implements AsyncDisposable {
  readonly engine: FakeEngine
  readonly node: TestDaemon
  readonly #servers: RawServer[] = []

  private constructor(engine: FakeEngine, node: TestDaemon) {
    this.engine = engine
    this.node = node
  }

  static async open(settings: readonly string[] = [], deps: Partial<DaemonDeps> = {}): Promise<RawTasks> {
    const engine = new FakeEngine()
    return new RawTasks(engine, await startFaultDaemon({ settings, deps, fake: engine }))
  }

  /** A task all of whose instances are this one server: the next answer for each request, the last for all others. */
  async serve(image: string, ...answers: readonly RawAnswer[]): Promise<RawServer> {
    const server = await RawServer.open(...answers)
    this.#servers.push(server)
    this.add(image, { endpoint: server.endpoint })
    return server
  }

  add(image: string, script: FakeScript): void {
    this.engine.addImage(image, { mark: MARK, ...script })
  }

  ask(image: string, input = ''): Promise<MecaAnswer> {
    return this.node.execute({ id: image, resource: SMALL, input })
  }

  /** Names of the sandboxes that exist. */
  get sandboxes(): string[] {
    return this.engine.sandboxes.map(({ name }) => name)
  }

  /** Once everything was told to go: no sandbox is left, and nothing is leased. */
  async assertEmpties(): Promise<void> {
    const { node } = this.node.daemon
    await node.pause()
    await node.unpause()
    assert.deepEqual(this.sandboxes, [])
    assert.deepEqual(node.stats().leased, { cpuMillis: 0, memoryBytes: 0, gpus: 0 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whatever is found wrong with the daemon: a server left open would keep the test's process from ending.
    await using servers = new AsyncDisposableStack()
    for (const server of this.#servers) servers.use(server)
    await this.node[Symbol.asyncDispose]()
  }
}
