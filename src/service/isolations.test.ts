import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { offeredIsolations } from './isolations.ts'

test('A25: of what an operator accepts without its limits it is told which do not bind', async () => {
  await using engine = new FakeEngine({
    probe: {
      runtimes: new Map([
        ['runc', { enforcesLimits: true, hasUnixSocket: false }],
        ['runsc', { enforcesLimits: false, unenforced: ['memory', 'pids'], hasUnixSocket: false }],
        ['kata', { enforcesLimits: false, hasUnixSocket: false }],
      ]),
    },
  })
  const probe = await engine.probe(AbortSignal.timeout(10_000))
  const policy = { microVmRuntime: 'kata', gvisorRuntime: 'runsc', allowUnenforced: new Set(['runsc', 'kata']) }
  const told = (allowed: ReadonlySet<string>): unknown[] =>
    offeredIsolations({ ...policy, allowUnenforced: allowed }, probe).map(({ isolation, runtime, unenforced }) => [
      isolation,
      runtime,
      unenforced,
    ])
  assert.deepEqual(told(policy.allowUnenforced), [
    ['container', 'runc', []],
    ['gvisor', 'runsc', ['memory', 'pids']],
    ['microvm', 'kata', ['cpu', 'memory', 'pids']],
  ])
  assert.deepEqual(told(new Set()).slice(1), [
    ['gvisor', undefined, []],
    ['microvm', undefined, []],
  ])
})
