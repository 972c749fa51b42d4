import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { ok, RawServer } from '../../src/forward/raw-server.fixture.ts'
import { type FaultDaemon, startFaultDaemon } from './fault-daemon.ts'

/** A daemon whose only task, `sink`, keeps every request to the byte and answers `taken`. */
export class RawSink implements AsyncDisposable {
  readonly node: FaultDaemon
  readonly port: number
  readonly #task: RawServer

  private constructor(node: FaultDaemon, task: RawServer) {
    this.node = node
    this.port = Number(new URL(node.url).port)
    this.#task = task
  }

  static async open(): Promise<RawSink> {
    const task = await RawServer.open(ok('taken'))
    const images = { sink: { endpoint: task.endpoint, mark: 'meca-init-done' } }
    return new RawSink(await startFaultDaemon({ fake: new FakeEngine({ images }) }), task)
  }

  /** The requests that the task got while `work` ran. */
  async received(work: () => Promise<unknown>): Promise<string[]> {
    const before = this.#task.requests.length
    await work()
    return this.#task.requests.slice(before)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _task = this.#task
    await this.node[Symbol.asyncDispose]()
  }
}

/** The request with this input as a task must get it. */
export function framed(input: string): string {
  const head = ['POST / HTTP/1.1', 'host: task', 'connection: keep-alive', 'content-type: application/json']
  return [...head, `content-length: ${Buffer.byteLength(input)}`, '', input].join('\r\n')
}

/** The status of an answer as it came; 0 for none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
}
