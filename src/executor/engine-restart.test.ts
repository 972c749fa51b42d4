import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { randomId } from '../core/ids.ts'
import type { SandboxView } from '../engine/engine.ts'
import { FakeEngine, type FakeScript } from '../engine/fake/fake-engine.ts'
import type { Executor } from '../service/executor.ts'
import { openExecutor } from './open-executor.ts'

const NEVER = new AbortController().signal

interface Opened extends AsyncDisposable {
  readonly executor: Executor
  readonly engine: FakeEngine
  begin(script: FakeScript, isIdempotent?: boolean): Promise<string>
  container(executionId: string, attempt?: number): string
}

async function open(): Promise<Opened> {
  await using held = new AsyncDisposableStack()
  const stateDir = await mkdtemp(join(tmpdir(), 'errand-restart-'))
  held.defer(() => rm(stateDir, { recursive: true }))
  const engine = new FakeEngine({ probe: { outlivesRestart: false } })
  const executor = held.use(
    await openExecutor({ fake: async () => engine }, { id: 'test', stateDir, hostCheck: 'none' }, NEVER),
  )
  const kept = held.move()
  return {
    executor,
    engine,
    async begin(script, idempotent = false) {
      const executionId = randomId()
      const { id: image } = engine.addImage(executionId, script)
      await executor.start({ executionId, engineSpec: { type: 'fake', params: { image } }, idempotent })
      return executionId
    },
    container: (executionId, attempt = 1) => `errand-test-${executionId}-${attempt}`,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

describe('an execution whose engine is restarted', () => {
  test('has failed with it', async () => {
    await using opened = await open()
    const id = await opened.begin({})
    opened.engine.goAway({ endsSandboxes: true })[Symbol.dispose]()
    const { status, reason, attempt } = await opened.executor.wait(id)
    assert.deepEqual([status, reason, attempt], ['failed', 'engine_restart', 1])
  })

  test('is run again where it may be, in another sandbox; its record tells of the attempt before', async () => {
    await using opened = await open()
    const { executor, engine } = opened
    const id = await opened.begin({ output: ['up\n'] }, true)
    engine.goAway({ endsSandboxes: true })[Symbol.dispose]()
    const isSecond = ({ name, state }: SandboxView): boolean => name === opened.container(id, 2) && state === 'running'
    while (!engine.sandboxes.some(isSecond)) await turn()
    engine.crash(opened.container(id, 2), 0)
    const { status, attempt, warnings, exitCode, stdout } = await executor.wait(id)
    assert.deepEqual([status, attempt, exitCode], ['succeeded', 2, 0])
    assert.match(warnings.join(), /^attempt 1: the engine was restarted/)
    assert.equal(stdout.match(/up\n/g)?.length, 2)
    assert.deepEqual(engine.sandboxes, [])
  })

  test('is not run again when it was cancelled before', async () => {
    await using opened = await open()
    const { executor, engine } = opened
    const id = await opened.begin({ ignores: 'all', killTakesMs: 1_000_000 }, true)
    const cancelled = executor.cancel(id, { graceMs: 0 })
    while ((await executor.getInfo(id)).intent === undefined) await turn()
    engine.goAway({ endsSandboxes: true })[Symbol.dispose]()
    await cancelled
    const { status, attempt } = await executor.wait(id)
    assert.deepEqual([status, attempt], ['cancelled', 1])
  })
})

test('an execution that somebody has stopped by way of the engine was stopped externally', async () => {
  await using opened = await open()
  const { executor, engine } = opened
  const id = await opened.begin({})
  const ref = engine.sandboxes.find(({ name }) => name === opened.container(id))
  assert.ok(ref)
  await engine.signal(ref, 'SIGTERM', NEVER)
  const { status, reason, exitCode } = await executor.wait(id)
  assert.deepEqual([status, reason, exitCode], ['failed', 'stopped_externally', 143])
})
