import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AdmissionRequest } from '../../admission/admission-request.ts'
import { ErrandError } from '../../core/errors.ts'
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

test('A13: an execution takes no resources while the disk has no room, which would drive idle instances out', async () => {
  await using engine = new FakeEngine()
  const clock = new ManualClock()
  const lease = { release: () => {} }
  let admitted = 0
  const admit = async (): Promise<object> => {
    admitted += 1
    return lease
  }
  let isFull = true
  const assertRoom = async (): Promise<void> => {
    if (isFull) throw new ErrandError('storage_full', 'no room')
  }
  const deps = { admission: { admit }, clock, runtimes: {}, assertRoom } as unknown as ExecutionDeps
  const on = {
    engine,
    probe: await engine.probe(signal),
    images: { isInUse: () => true },
  } as unknown as ExecutionEngine
  const request = { engineSpec: { type: 'fake', params: { image: 'any' } } }
  const plan = planExecution(request, DEFAULTS, () => 'x')
  const admission = new Launch(deps, plan, on).admit(10_000, signal)
  await clock.advance(2000)
  await clock.advance(2000)
  assert.equal(admitted, 0)
  isFull = false
  await clock.advance(2000)
  assert.deepEqual([await admission, admitted], [lease, 1])
})

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
