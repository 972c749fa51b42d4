import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeDocker } from '../../../test/support/fake-docker.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { loadConfig } from '../../daemon/config/load.ts'
import { Daemon } from '../../daemon/daemon.ts'
import type { EngineProbe } from '../../engine/engine.ts'
import type { FakeEngine, FakeScript } from '../../engine/fake/fake-engine.ts'
import { digestOf, newSecret } from '../auth-token.ts'
import { TokenFile } from '../auth-token-file.ts'
import type { ExecutionView } from '../contract/execution-view.ts'
import type { Problem } from '../contract/problem.ts'
import type { Scope } from '../contract/scope.ts'
import { type Answer, type Ask, ask } from '../wire-kit.fixture.ts'
import { assertDocumented } from './documented.fixture.ts'

// For tests of /v1: a whole daemon on a fake engine, with its three kinds of listeners.

const IMAGES: Readonly<Record<string, FakeScript>> = {
  hello: {
    run: async (process) => {
      process.print('hello\n')
      process.print({ stream: 'stderr', data: Buffer.from([0xff, 0x0a]) })
      return 3
    },
  },
  forever: { exec: ({ argv }) => ({ exitCode: 7, stdout: argv.join(' ') }) },
}

/** The listeners of a node, by how they tell callers. */
export type Door = 'open' | 'token' | 'unix'

export interface V1Node extends AsyncDisposable {
  readonly engine: FakeEngine
  readonly tokens: TokenFile
  readonly ports: Readonly<Record<Exclude<Door, 'unix'>, number>>
  readonly socketPath: string
  /** What goes into `Authorization`. */
  token(id: string, ...scopes: readonly Scope[]): Promise<string>
  /** Where the daemon keeps its state. */
  readonly stateDir: string
  /** At the door with tokens; without one, at the unix socket. What it answers has to be what the document says. */
  call(token: string | undefined, asked: string, body?: object, headers?: Ask['headers']): Promise<Answer>
}

/** `host` is where the door with tokens is, `probe` what the engine can do from the start. */
export async function openV1Node(
  images: Readonly<Record<string, FakeScript>> = {},
  clock?: Clock,
  settings: readonly string[] = [],
  host = '127.0.0.1',
  probe: Partial<EngineProbe> = {},
): Promise<V1Node> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-v1-'))
  const socketPath = join(folder, 'v1.sock')
  const listen = `listen=["127.0.0.1:0", {address: "${host}:0", auth: token}, "unix:${socketPath}"]`
  const offered = ['resources.hostCheck=none', 'resources.cpuOvercommit=100', 'node=test', 'cpu=1', 'mem=8192']
  const set = [listen, ...offered, ...settings]
  const { config } = loadConfig({ stateDir: join(folder, 'state'), runDir: join(folder, 'run'), set })
  const engine = new FakeDocker({ images: { ...IMAGES, ...images }, probe })
  const deps = { log: silentLog, openEngine: async () => engine, clock: clock ?? systemClock }
  const daemon = await Daemon.open(config, deps, AbortSignal.timeout(60_000))
  const [open = 0, token = 0] = daemon.addresses.map((address) => Number(address.split(':').at(-1)))
  const tokens = new TokenFile(config.auth.tokensFile)
  return {
    engine,
    tokens,
    ports: { open, token },
    socketPath,
    stateDir: config.stateDir,
    token: (id, ...scopes) => addToken(tokens, id, scopes),
    async call(authorization, asked, body, headers) {
      const [method = '', path = ''] = asked.split(' ')
      const credentials = authorization === undefined ? {} : { authorization }
      const answer = await ask(token, {
        method,
        path,
        ...(body !== undefined && { body: Buffer.isBuffer(body) ? body : JSON.stringify(body) }),
        headers: { ...credentials, ...headers },
        ...(authorization === undefined && { socketPath }),
      })
      assertDocumented(method, path, answer)
      return answer
    },
    async [Symbol.asyncDispose]() {
      await daemon.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Adds a token to a file; what goes into `Authorization`. */
export async function addToken(file: TokenFile, id: string, scopes: readonly Scope[]): Promise<string> {
  const secret = newSecret()
  const kept = { id, sha256: digestOf(secret), scopes, createdAt: '2026-01-01T00:00:00.000Z' }
  await file.change((tokens) => [...tokens, kept])
  return `Bearer ${id}.${secret}`
}

export function viewOf({ text }: Answer): ExecutionView {
  return JSON.parse(text)
}

export function problemIn({ text }: Answer): Problem {
  return JSON.parse(text)
}
