import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { isTerminal } from '../core/execution.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { ExecutionService } from '../service/execution-service.ts'
import { openExecutor } from './open-executor.ts'

const NEVER = new AbortController().signal
const REQUEST = { engineSpec: { type: 'fake', params: { image: 'forever' } } }

/** What becomes of a request when its executor lets go `turns` turns of the event loop after it was recorded. */
async function detached(turns: number): Promise<void> {
  await using held = new AsyncDisposableStack()
  const stateDir = await mkdtemp(join(tmpdir(), 'errand-detach-'))
  held.defer(() => rm(stateDir, { recursive: true }))
  const engine = new FakeEngine({ images: { forever: {} } })
  const options = { id: 'test', stateDir, hostCheck: 'none' } as const
  const executor = await openExecutor({ fake: async () => engine }, options, NEVER)
  assert.ok(executor instanceof ExecutionService)
  const recorded = new Promise<void>((resolve) => {
    executor.onEvent(() => resolve())
  })
  const submitting = executor.submit(REQUEST)
  await recorded
  for (let count = 0; count < turns; count += 1) await turn()
  await executor.detach()
  const { executionId } = (await submitting).record
  const { status } = await executor.getInfo(executionId)
  for (let count = 0; count < 50; count += 1) await turn()
  const later = await executor.getInfo(executionId)
  assert.ok(!isTerminal(later.status), `${turns} turns later: ${later.status}: ${later.message}`)
  assert.equal(later.status, status, `${turns} turns later: it went on after its executor had let go`)
}

test('an executor that lets go waits for what has just been recorded, however far that is', async () => {
  for (let turns = 0; turns < 12; turns += 1) await detached(turns)
})
