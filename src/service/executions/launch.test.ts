import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AdmissionRequest } from '../../admission/admission-request.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { FakeEngine } from '../../engine/fake/fake-engine.ts'
import type { ExecutionDeps, ExecutionEngine } from './execution-deps.ts'
import { Launch } from './launch.ts'
import { planExecution } from './plan-execution.ts'
import { DEFAULTS } from './test-defaults.fixture.ts'

const signal = new AbortController().signal

/** How long a request says that it holds what it gets, at the most. */
async function heldAtMostMs(asked: object, isInUse = true): Promise<number | undefined> {
  await using engine = new FakeEngine()
  const requests: AdmissionRequest[] = []
  const admission = { admit: async (request: AdmissionRequest) => requests.push(request) }
  const deps = { admission, clock: new ManualClock(), runtimes: {} } as unknown as ExecutionDeps
  const images = { isInUse: () => isInUse }
  const on = { engine, probe: await engine.probe(signal), images } as unknown as ExecutionEngine
  const request = { engineSpec: { type: 'fake', params: { image: 'any' } }, ...asked }
  await new Launch(
    deps,
    planExecution(request, DEFAULTS, () => 'x'),
    on,
  ).admit(1000, signal)
  return requests[0]?.holdsAtMostMs
}

describe('how long an execution keeps others waiting at the most', () => {
  const short = { timeoutMs: 1000, graceMs: 500 }

  test('is known of one whose image is in use, and that leaves nothing', async () => {
    assert.equal(await heldAtMostMs(short), 6500)
  })

  test('is not known of one without a time limit, that may have to fetch its image, or whose outputs are brought in', async () => {
    assert.equal(await heldAtMostMs({ ...short, timeoutMs: undefined }), undefined)
    assert.equal(await heldAtMostMs(short, false), undefined)
    assert.equal(await heldAtMostMs({ ...short, outputs: [{ path: '/result' }] }), undefined)
  })
})
