import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { HTTP_STATUS } from '../../src/core/errors.ts'
import { addResources, MIB, NO_RESOURCES, type Resources } from '../../src/core/resources.ts'
import { askEngine, type Census, type TakeCensus } from './census.ts'
import type { MecaAnswer } from './daemon.ts'
import { httpCall } from './http-call.ts'
import type { ToldLeases, WatchedDaemon } from './watched-daemon.ts'

/** What `assertInvariants` needs beside the daemon. */
export interface InvariantChecks {
  readonly census: TakeCensus
  /** Where nothing secret may stand. */
  readonly log?: { readonly lines: readonly unknown[] }
  /** Texts that were given to the daemon and must not come out of it but in answers to their owner. */
  readonly canaries?: readonly string[]
  /** How long what is under way may take to end. Default: 30 s. */
  readonly reconcileMs?: number
}

const ID_LABEL = 'dev.errand.id'
const HEALTH_MS = 1000
const CONTROL_MS = 5000
const RECONCILE_MS = 30_000
const MOST_RSS = 300 * MIB
/** The machine of the tests has other work too: one answer in time shows that nothing hangs. */
const TRIES = 3

/**
 * The invariants as they apply to warm tasks, on a daemon that runs and whose engine answers: whatever bears
 * our label has a lease within 30 s, and the leases are what `/stats` tells (I3, I4); health and control calls answer
 * (I7); no canary in the log or in what the engine shows (I8); memory is bounded (I9). I5 is `assertHonest`, for each
 * answer; what is left after the end is `assertGone`.
 */
export async function assertInvariants(node: WatchedDaemon, checks: InvariantChecks): Promise<void> {
  await assertControllable(node)
  await assertAccounted(node, checks.census, checks.reconcileMs)
  const containers = (await checks.census(node.installation)).containers.map(({ id }) => id)
  assertNoCanary(checks.canaries ?? [], 'the log', (checks.log?.lines ?? []).map(readable))
  if ((checks.canaries ?? []).length > 0) {
    const shown = await Promise.all(containers.map((id) => askEngine(node.engineSocket, `/containers/${id}/json`)))
    assertNoCanary(checks.canaries ?? [], 'what the engine shows', shown.map(readable))
  }
  const rss = await node.memoryBytes()
  assert.ok(rss < MOST_RSS, `I9: ${Math.round(rss / MIB)} MiB of memory`)
}

/** I7: `/health` within a second, control calls within five. To be called while a fault lasts, too. */
export async function assertControllable({ address }: Pick<WatchedDaemon, 'address'>): Promise<void> {
  if (address === '') return
  await assertAnswers(address, 'GET', '/health', HEALTH_MS)
  await assertAnswers(address, 'GET', '/stats', CONTROL_MS)
  // Changes nothing: it lacks every field.
  await assertAnswers(address, 'POST', '/update-config', CONTROL_MS)
}

/** I3 and I4: sandboxes and leases are the same, as soon as what is under way has ended. */
export async function assertAccounted(
  node: Pick<WatchedDaemon, 'leases' | 'installation'>,
  census: TakeCensus,
  reconcileMs: number = RECONCILE_MS,
): Promise<void> {
  const deadlineMs = performance.now() + reconcileMs
  for (;;) {
    const told = await node.leases()
    // Paused or stopping: then nothing is leased once it is done, and `assertGone` tells.
    if (told === undefined) return
    const complaint = complaintOf(await census(node.installation), told)
    if (complaint === undefined) return
    if (performance.now() > deadlineMs) assert.fail(`I3, I4: ${complaint}`)
    await sleep(50)
  }
}

/** Nothing of an installation is left. */
export async function assertGone(installation: string, census: TakeCensus): Promise<void> {
  const found = await census(installation)
  const { containers, networks, volumes, rules } = found
  const left = { containers: containers.map(({ name }) => name), networks, volumes, rules }
  assert.deepEqual(left, { containers: [], networks: [], volumes: [], rules: [] }, 'I3: something is left')
}

/** I5: a success is the answer of a task, a failure says whose. */
export function assertHonest(answer: MecaAnswer): void {
  const { success, code, status } = answer
  const isTaskFailure = code === undefined && status !== undefined && (status < 200 || status >= 300)
  const isOurFailure = code !== undefined && Object.hasOwn(HTTP_STATUS, code) && code !== 'internal'
  const isHonest = success ? code === undefined && status === undefined : isTaskFailure || isOurFailure
  assert.ok(isHonest, `I5: ${JSON.stringify(answer)}`)
}

function complaintOf(census: Census, { leased, rounding }: ToldLeases): string | undefined {
  const leases = census.containers.map(({ labels }) => leaseOf(labels))
  const sum = leases.reduce(addResources, NO_RESOURCES)
  const names = new Set(census.containers.map(({ name }) => name))
  const ids = new Set(census.containers.map(({ labels }) => labels[ID_LABEL]))
  const orphan = census.volumes.find(({ labels }) => !ids.has(labels[ID_LABEL]))
  if (orphan !== undefined) return `the volume ${orphan.name} belongs to no container`
  if (census.networks.length > 1) return `${census.networks.length} networks`
  const fields = ['cpuMillis', 'memoryBytes', 'gpus'] as const
  if (fields.every((field) => Math.abs(leased[field] - sum[field]) <= rounding[field])) return undefined
  return `leased ${readable(leased)}, held by containers ${readable(sum)} (${[...names].join(', ')})`
}

function leaseOf(labels: Readonly<Record<string, string>>): Resources {
  const [cpuMillis = 0, memoryBytes = 0, gpus = 0] = (labels['dev.errand.lease'] ?? '').split(',').map(Number)
  return { cpuMillis, memoryBytes, gpus }
}

async function assertAnswers(address: string, method: 'GET' | 'POST', path: string, withinMs: number): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await httpCall(address, { method, path, signal: AbortSignal.timeout(withinMs) })
      return
    } catch (cause) {
      if (tries === TRIES) throw new Error(`I7: no answer to ${method} ${path} within ${withinMs} ms`, { cause })
    }
  }
}

function assertNoCanary(canaries: readonly string[], where: string, texts: readonly string[]): void {
  for (const canary of canaries) {
    assert.ok(!texts.some((text) => text.includes(canary)), `I8: the secret ${canary} is in ${where}`)
  }
}

/** Errors in it are written out with their causes, as a real log does. */
function readable(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (!(part instanceof Error)) return part
    const { message, stack, cause } = part
    return { ...Object.fromEntries(Object.entries(part)), message, stack, cause }
  })
}
