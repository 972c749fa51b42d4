import assert from 'node:assert/strict'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { ErrandClient } from '../../src/client/client.ts'
import { ErrandError } from '../../src/core/errors.ts'
import { MIB } from '../../src/core/resources.ts'
import { tarOf } from '../../src/files/tar.fixture.ts'
import { eventually } from '../support/containers.ts'
import { FakeServe } from '../support/fake-serve.ts'
import { scale } from '../support/scale.ts'

/** More input than all the memory that the daemon may grow by has room for; in the full run as many as may wait by default. */
const COUNT = scale(300, 1000)
/** So many more are sent. */
const MORE = scale(1, 9000)
const AT_ONCE = 16
const SETTINGS = [`executions.queueLimit=${COUNT}`, `executions.callerQueueLimit=${COUNT}`]
/** All the memory on offer, so that whatever comes after it waits. */
const HOG = { id: 'hog', task: { image: 'hog', resources: { cpu: 0.1, memory: 4096 * MIB } } }

function job(index: number): { readonly id: string } & Parameters<ErrandClient['executions']['submit']>[0] {
  const task = { image: 'job', resources: { cpu: 0.1, memory: 256 * MIB } }
  return { id: `job-${index}`, task, inputs: [{ upload: 'data', target: '/data' }] }
}

/** Does it for every index, a few at once. */
async function forAll(act: (index: number) => Promise<void>, first = 0, count = COUNT): Promise<void> {
  const indices = Array.from({ length: count }, (_, index) => first + index).values()
  const work = async (): Promise<void> => {
    for (const index of indices) await act(index)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** The sizes of the files that were uploaded and are still on the disk. */
async function uploadsIn(folder: string): Promise<number[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name === 'data')
  return Promise.all(files.map(async ({ parentPath, name }) => (await lstat(join(parentPath, name))).size))
}

/** What is being removed may go while it is looked at: then it is not all gone yet. */
async function isWithoutUploads(folder: string): Promise<boolean> {
  try {
    return (await uploadsIn(folder)).length === 0
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

test(`F17: ${COUNT} queued executions hold 1 MiB of input each on the disk, not in memory; what is beyond the cap is refused`, {
  timeout: 3_600_000,
}, async (t) => {
  const archive = await tarOf([{ name: 'data', content: Buffer.alloc(MIB, 'x') }])
  await using daemon = await FakeServe.open({
    tasks: { hog: null, job: 'weighs' },
    settings: SETTINGS,
    hasSocket: true,
  })
  await using client = new ErrandClient({ url: `unix:${daemon.socketPath}`, patienceMs: 0 })
  const { executions } = client
  await executions.submit(HOG)
  await eventually(async () => (await executions.get(HOG.id)).status === 'running')
  await forAll(async (index) => {
    const { id } = await executions.submit(job(index))
    await executions.uploadInputs(id, Readable.from([archive]))
  })

  const refuse = async (index: number): Promise<void> => {
    const refusal = await executions.submit(job(index)).catch((error: unknown) => error)
    assert.ok(refusal instanceof ErrandError && refusal.code === 'queue_full', String(refusal))
    assert.ok((refusal.retryAfterMs ?? 0) > 0)
  }
  await forAll(refuse, COUNT, MORE)
  assert.deepEqual(
    await uploadsIn(daemon.stateDir),
    Array.from({ length: COUNT }, () => MIB),
  )
  await daemon.assertBounded()
  t.diagnostic(`all queued: ${await daemon.describe()}`)

  // Every second one is not wanted any more; the others get their turn.
  await forAll(async (index) => {
    if (index % 2 === 0) await executions.cancel(job(index).id)
  })
  await executions.cancel(HOG.id, { graceMs: 0 })
  await forAll(async (index) => {
    const { status, exitCode } = await executions.wait(job(index).id)
    const lines = await Array.fromAsync(executions.logs(job(index).id))
    const printed = lines.map(({ data }) => data).join('')
    const wanted = index % 2 === 0 ? ['cancelled', -1, ''] : ['succeeded', 0, String(MIB)]
    assert.deepEqual([status, exitCode, printed], wanted, job(index).id)
  })
  await eventually(() => isWithoutUploads(daemon.stateDir))
  await daemon.assertBounded()
  t.diagnostic(`all ended: ${await daemon.describe()}`)
})
