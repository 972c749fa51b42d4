import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ok } from '../../src/forward/raw-server.fixture.ts'
import { STRANGE_ANSWERS } from '../support/bad-answers.ts'
import type { MecaAnswer } from '../support/daemon.ts'
import { RawTasks } from '../support/raw-tasks.ts'

const options = { timeout: 120_000 }

/** What the caller of a task got: the task's own answer, or a code of ours. */
function outcomeOf({ code, success, status, msg }: MecaAnswer): string | { status: number; msg: string } {
  return code ?? { status: success ? 200 : (status ?? 0), msg }
}

describe('F59 and F62: of a task server that sends', options, () => {
  let tasks: RawTasks
  before(async () => {
    tasks = await RawTasks.open()
  })
  after(async () => {
    await tasks.assertEmpties()
    await tasks[Symbol.asyncDispose]()
  })

  for (const [index, { what, bytes, gives }] of STRANGE_ANSWERS.entries()) {
    const outcome = typeof gives === 'string' ? gives : `${gives.status} ${gives.msg}`.trim()
    test(`F59: ${what}, the caller gets ${outcome}, and the next one an answer of its own`, async () => {
      const server = await tasks.serve(`strange:${index}`, bytes, ok('own'))
      assert.deepEqual(outcomeOf(await tasks.ask(`strange:${index}`)), gives)
      assert.deepEqual(outcomeOf(await tasks.ask(`strange:${index}`)), { status: 200, msg: 'own' })
      assert.equal(server.requests.length, 2)
    })
  }
})
