import type { DaemonDeps } from '../../src/daemon/daemon.ts'
import type { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { dockerCensus, fakeCensus, type TakeCensus } from './census.ts'
import { type MecaAnswer, startDaemon, type TestDaemon } from './daemon.ts'
import { DOCKER_SOCKET } from './engine-host.ts'
import { assertControllable, assertHonest, assertInvariants } from './invariants.ts'
import { RecordingLog } from './recording-log.ts'

/** A daemon that something is done to. Its disposal asserts the invariants, and that nothing is left. */
export interface FaultDaemon extends TestDaemon {
  /** All that the daemon has logged. */
  readonly log: RecordingLog
  /** Sees the engine past the daemon, and past what stands between the two. */
  readonly census: TakeCensus
  /** Asserts that health and control calls answer: to be called while a fault lasts. */
  assertControllable(): Promise<void>
  /** Asserts every invariant now. The engine has to answer. */
  assertInvariants(): Promise<void>
}

export interface FaultDaemonOptions {
  /** `KEY=VALUE` pairs, as for `startDaemon`. */
  readonly settings?: readonly string[]
  readonly deps?: Partial<Omit<DaemonDeps, 'log'>>
  readonly listen?: readonly string[]
  /** Instead of the Docker Engine. */
  readonly fake?: FakeEngine
  /** Where the Docker Engine is, when it is not the machine's own; `settings` has to lead the daemon to it. */
  readonly engineSocket?: string
  /** Secrets that the test hands over: none may turn up in the log or in what the engine shows. */
  readonly canaries?: readonly string[]
  /** Of the test, that starts one daemon after the other on the same state. */
  readonly folder?: string
}

/** As `startDaemon`, for tests of faults and attacks. End the fault before disposing. */
export async function startFaultDaemon(options: FaultDaemonOptions = {}): Promise<FaultDaemon> {
  const { settings, deps, listen, engineSocket = DOCKER_SOCKET, fake, canaries, folder } = options
  const log = new RecordingLog()
  const engine = fake === undefined ? {} : { openEngine: async (): Promise<FakeEngine> => fake }
  const node = await startDaemon(settings, { ...deps, ...engine, log }, listen, engineSocket, folder)
  const census = fake === undefined ? dockerCensus(engineSocket) : fakeCensus(async () => fake.sandboxes)
  const checks = { census, log, ...(canaries === undefined ? {} : { canaries }) }
  const check = (): Promise<void> => assertInvariants(node, checks)
  return {
    ...node,
    log,
    census,
    assertControllable: () => assertControllable(node),
    assertInvariants: check,
    async execute(body): Promise<MecaAnswer> {
      const answer = await node.execute(body)
      assertHonest(answer)
      return answer
    },
    async [Symbol.asyncDispose]() {
      await using _node = node
      if (!isStopped(node)) await check()
    },
  }
}

function isStopped({ daemon }: TestDaemon): boolean {
  try {
    daemon.node.stats()
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'draining'
  }
}
