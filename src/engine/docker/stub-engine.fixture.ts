import { EngineStub, json, type StubRoutes } from '../../../test/support/engine-stub.ts'
import { DockerEngine } from './docker-engine.ts'

const never = new AbortController().signal

/** The network that it is given by name. */
export const NETWORK = {
  Id: 'n',
  Name: 'net',
  Driver: 'bridge',
  Internal: false,
  Options: null,
  Labels: null,
  Containers: {},
}

class Opened implements AsyncDisposable {
  readonly stub: EngineStub
  readonly engine: DockerEngine

  constructor(stub: EngineStub, engine: DockerEngine) {
    this.stub = stub
    this.engine = engine
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]()
    await this.stub[Symbol.asyncDispose]()
  }
}

/** An engine of a stub that answers as `routes` say. */
export async function open(routes: StubRoutes): Promise<Opened> {
  const stub = await EngineStub.open({ routes: { 'GET /networks/net': json(NETWORK), ...routes } })
  const { socketPath } = stub
  const network = { kind: 'named', name: 'net' } as const
  return new Opened(stub, await DockerEngine.open({ socketPath, installation: 'test', network }, never))
}

/** As the Engine streams values. */
export function lines(...values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}
