import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExecutionView } from '../../client/client.ts'
import { PlayedServer, says } from '../../client/played-server.fixture.ts'
import { assertFits, commandLine } from '../command-line.fixture.ts'

const DIGEST = `sha256:${'0123456789ab'.padEnd(64, 'c')}`

const RUNNING: ExecutionView = {
  id: 'train-1',
  job: 'train-1',
  caller: 'local',
  status: 'running',
  message: '',
  attempt: 1,
  oomKilled: false,
  warnings: [],
  times: { accepted: '2026-01-01T00:00:00.000Z', running: '2026-01-01T00:00:01.000Z' },
  resources: { asked: { cpu: 1, memory: 128 * 1024 ** 2, disk: 1024 ** 3, gpus: [] }, used: {} },
  gpus: [],
  image: { reference: 'alpine:3', id: DIGEST },
  engine: 'docker',
  isolation: 'container',
  sgx: false,
  ports: [],
  logs: { bytes: 0, truncated: false, gaps: 0 },
  outputs: [],
  labels: {},
}

/** What somebody is shown, in a pipe or on a screen of so many columns. */
async function shown(view: ExecutionView, columns?: number): Promise<string> {
  await using server = await PlayedServer.open(says(200, 'application/json', JSON.stringify(view)))
  const { status, printed } = await commandLine(server.url)(['inspect', view.id], { ...(columns && { columns }) })
  assert.deepEqual([status, printed.stderr], [0, ''])
  return printed.stdout
}

test('what is not known before the end is not shown before it', async () => {
  assert.doesNotMatch(await shown(RUNNING), /^(used|output) /m)
  const logs = { bytes: 2048, truncated: true, gaps: 0 }
  const resources = { ...RUNNING.resources, used: { cpuSeconds: 1.5, memoryPeak: 1024 ** 2 } }
  const ended = await shown({ ...RUNNING, status: 'succeeded', exitCode: 0, logs, resources })
  assert.match(ended, /^used +1\.5s of processor time, 1 MiB memory at most$/m)
  assert.match(ended, /^output +2 KiB, not all of it kept$/m)
  const some = { ...RUNNING.resources, used: { memoryPeak: 1024 ** 2 } }
  assert.match(await shown({ ...RUNNING, resources: some }), /^used +1 MiB memory at most$/m)
})

test('a digest is whole in a pipe, and fits on a screen', async () => {
  assert.ok((await shown(RUNNING)).includes(`(${DIGEST})`))
  assert.match(assertFits(await shown(RUNNING, 80), 80), /^image +alpine:3 \(sha256:0123456789ab\)$/m)
})
