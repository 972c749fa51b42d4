import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { MIB } from '../core/resources.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import { LastingNode } from './lasting-node.fixture.ts'

const never = (): AbortSignal => AbortSignal.timeout(30_000)

const IMAGES = { forever: {}, short: { output: ['done\n'], exit: { code: 0 } } }

function request(image: keyof typeof IMAGES, more: Partial<ExecutionRequest> = {}): ExecutionRequest {
  const resources = { cpu: 0.5, memoryBytes: 16 * MIB }
  return { engineSpec: { type: 'docker', params: { image } }, resources, ...more }
}

async function running(executions: ExecutionsApi, more: Partial<ExecutionRequest> = {}): Promise<string> {
  const id = (await executions.submit(request('forever', more))).record.executionId
  await executions.waitForStatus(id, 'running', 30_000)
  return id
}

async function ended(executions: ExecutionsApi): Promise<string> {
  const id = (await executions.submit(request('short'))).record.executionId
  assert.equal((await executions.wait(id, never())).status, 'succeeded')
  return id
}

describe('F1: a node that is renamed', () => {
  test('knows what it ran, and what it is told again, and watches what runs', async () => {
    await using node = await LastingNode.make(IMAGES)
    const key = { key: 'k', digest: 'd' }
    const [past, living] = await (async () => {
      await using daemon = await node.open('node=before')
      const { executions } = daemon
      const { executionId } = (await executions.submit(request('short'), { key })).record
      await executions.wait(executionId, never())
      return [executionId, await running(executions)] as const
    })()
    await using daemon = await node.open('node=after')
    const { executions } = daemon
    assert.equal((await executions.wait(past, never())).stdout, 'done\n')
    assert.equal((await executions.submit(request('short'), { key })).record.executionId, past)
    assert.equal((await executions.getInfo(living)).status, 'running')
    assert.equal(node.engine.sandboxes.length, 1)
    await executions.cancel(living, { graceMs: 0 })
  })

  test('by an earlier version finds what it had under every name', async () => {
    await using node = await LastingNode.make(IMAGES)
    const [first, living] = await (async () => {
      await using daemon = await node.open()
      const { executions } = daemon
      return [await ended(executions), await running(executions)] as const
    })()
    // As that version would have kept them under another name.
    await node.rename(first, 'before')
    await using daemon = await node.open('node=after')
    const { executions } = daemon
    assert.equal((await executions.getInfo(first)).status, 'succeeded')
    assert.equal((await executions.getInfo(living)).status, 'running')
    await executions.cancel(living, { graceMs: 0 })
    await executions.remove(first)
    await assert.rejects(executions.getInfo(first), { code: 'not_found' })
  })
})

describe('F14: other settings at a restart', () => {
  const GENEROUS = ['executions.presets=["many-threads"]', 'executions.diskBytes=1GiB']
  const STRICT = ['executions.timeoutMs=1', 'executions.retentionMs=1', 'executions.profile=strict']

  test('change nothing about what was accepted before', async () => {
    await using node = await LastingNode.make(IMAGES)
    const [past, living, waiting] = await (async () => {
      await using daemon = await node.open(...GENEROUS)
      const { executions } = daemon
      const old = await ended(executions)
      const alive = await running(executions, { preset: 'many-threads', resources: { cpu: 1 } })
      const asked = request('short', { preset: 'many-threads' })
      return [old, alive, (await executions.submit(asked)).record.executionId] as const
    })()
    node.pass(1000)
    await using daemon = await node.open(...STRICT)
    const { executions } = daemon
    assert.equal((await executions.getInfo(waiting)).status, 'queued')
    assert.equal((await executions.getInfo(living)).status, 'running')
    assert.equal((await executions.getInfo(past)).status, 'succeeded')
    await executions.cancel(living, { graceMs: 0 })
    const result = await executions.wait(waiting, never())
    assert.deepEqual(
      [result.status, result.terms?.profile, result.terms?.diskBytes],
      ['succeeded', 'standard', 2 ** 30],
    )
  })

  test('hold for what an earlier version accepted without writing down what it decided, all but presets', async () => {
    await using node = await LastingNode.make(IMAGES)
    const living = await (async () => {
      await using daemon = await node.open(...GENEROUS)
      return await running(daemon.executions, { preset: 'many-threads' })
    })()
    await node.rewrite((record) => ({ ...record, terms: undefined }))
    await using daemon = await node.open(...STRICT)
    const { status, reason } = await daemon.executions.wait(living, never())
    assert.deepEqual([status, reason], ['timed_out', 'run_timeout'])
  })
})

describe('F14: the version of the configuration', () => {
  test('is kept by a restart, and is one more when anything is set otherwise', async () => {
    await using node = await LastingNode.make(IMAGES)
    const open = async (...settings: readonly string[]): Promise<number | undefined> => {
      await using daemon = await node.open(...settings)
      return daemon.node.config.kept?.version
    }
    assert.deepEqual([await open(), await open()], [1, 1])
    assert.equal(await open('executions.diskBytes=1GiB'), 2)
  })

  test('under which an execution was accepted stays in its record', async () => {
    await using node = await LastingNode.make(IMAGES)
    const [first, second, living] = await (async () => {
      await using daemon = await node.open()
      const { executions } = daemon
      const under1 = await ended(executions)
      const lives = await running(executions)
      assert.equal((await daemon.node.adjust({ cpuMillis: 500 })).kept?.version, 2)
      const waits = (await executions.submit(request('short'))).record.executionId
      return [under1, waits, lives] as const
    })()
    await using daemon = await node.open('cpu=2')
    const { executions } = daemon
    assert.equal(daemon.node.config.kept?.version, 3)
    const third = await ended(executions)
    await executions.wait(second, never())
    const versionOf = async (id: string): Promise<number | undefined> => (await executions.getInfo(id)).configVersion
    assert.deepEqual(await Promise.all([first, living, second, third].map(versionOf)), [1, 1, 2, 3])
    await executions.cancel(living, { graceMs: 0 })
  })

  test('stays, and the grant with it, when the journal cannot keep another one', async () => {
    await using node = await LastingNode.make(IMAGES)
    const [[thread], daemon] = await Promise.all([once(process, 'worker') as Promise<[Worker]>, node.open()])
    const before = daemon.node.config
    await thread.terminate()
    await assert.rejects(daemon.node.adjust({ cpuMillis: 500 }), { code: 'storage_error' })
    assert.deepEqual(daemon.node.config, before)
    await daemon.stopped
  })

  test('is not known of what an earlier version of Errand accepted', async () => {
    await using node = await LastingNode.make(IMAGES)
    const past = await (async () => {
      await using daemon = await node.open()
      return await ended(daemon.executions)
    })()
    await node.rewrite(({ configVersion: _none, ...record }) => record)
    await using daemon = await node.open()
    assert.equal((await daemon.executions.getInfo(past)).configVersion, undefined)
  })
})

test('I3, F32: what an earlier daemon was removing, and files without a record, are removed after a start', async () => {
  await using node = await LastingNode.make(IMAGES)
  const at = (...path: string[]): string => join(node.stateDir, ...path)
  const past = await (async () => {
    await using daemon = await node.open()
    return await ended(daemon.executions)
  })()
  for (const path of [at('trash', 'half', 'deep'), at('executions', 'orphan', 'log')]) {
    await mkdir(path, { recursive: true })
    await writeFile(join(path, 'file'), 'x')
  }
  await using daemon = await node.open()
  const left = async (): Promise<string[]> => [...(await readdir(at('executions'))), ...(await readdir(at('trash')))]
  while ((await left()).join() !== past) await turn()
  assert.equal((await daemon.executions.wait(past, never())).stdout, 'done\n')
})
