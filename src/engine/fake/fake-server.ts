import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Endpoint, TcpEndpoint } from '../../core/endpoint.ts'
import { http } from '../../util/node-http.ts'
import type { SandboxSpec, SandboxView } from '../engine.ts'
import type { FakeScript } from './fake-script.ts'

const HOST = '127.0.0.1'

/** The server inside one fake sandbox, on a loopback port of its own. The port is known before it listens. */
export class FakeServer implements AsyncDisposable {
  readonly endpoint: TcpEndpoint
  #server: Server

  private constructor(server: Server, endpoint: TcpEndpoint) {
    this.#server = server
    this.endpoint = endpoint
  }

  /** Listens at once. */
  static async open(serve: RequestListener): Promise<FakeServer> {
    const server = http.createServer(serve)
    return new FakeServer(server, { host: HOST, port: await listen(server, 0) })
  }

  /** Has a port on which nothing listens until `listen`. */
  static async reserve(): Promise<FakeServer> {
    const server = http.createServer()
    const port = await listen(server, 0)
    await close(server)
    return new FakeServer(server, { host: HOST, port })
  }

  async listen(serve: RequestListener): Promise<void> {
    this.#server = http.createServer(serve)
    await listen(this.#server, this.endpoint.port)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#server)
  }
}

/** A port of this host is taken only for what is to serve there, so that many jobs cost nothing. */
export async function openServer(spec: SandboxSpec, script: FakeScript): Promise<FakeServer | undefined> {
  const { serve, listens, endpoint } = script
  if (spec.port === undefined || endpoint !== undefined) return undefined
  return serve !== undefined && listens !== 'when ready' ? FakeServer.open(serve) : FakeServer.reserve()
}

/** Where a sandbox is dialled while it runs. */
export function endpointsOf(
  { network, hasSocket }: SandboxSpec,
  endpoint: Endpoint | undefined,
): Pick<SandboxView, 'tcp' | 'unix'> {
  const isUnix = endpoint !== undefined && 'unixPath' in endpoint
  return {
    tcp: isUnix || network === 'none' ? undefined : endpoint,
    unix: isUnix && hasSocket ? endpoint : undefined,
  }
}

function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port))
  return promise
}

/** Cuts every connection, as the end of a sandbox does. */
function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeAllConnections()
  return promise
}
