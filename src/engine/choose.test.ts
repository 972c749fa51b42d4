import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseRuntime, chooseSgx, type RuntimePolicy } from './choose.ts'
import type { EngineProbe } from './engine.ts'

const ENFORCING = { enforcesLimits: true, hasUnixSocket: true }
const LAX = { enforcesLimits: false, hasUnixSocket: false }

const PROBE: EngineProbe = {
  version: '1',
  cpuCores: 2,
  memoryBytes: 1,
  outlivesRestart: true,
  canPause: true,
  canExec: true,
  canCollect: true,
  canMount: true,
  findsOwnFiles: true,
  canPublish: true,
  canLimitDisk: false,
  networks: new Set(['tasks', 'none']),
  runtimes: new Map([
    ['runc', ENFORCING],
    ['kata', ENFORCING],
    ['runsc', LAX],
  ]),
  defaultRuntime: 'runc',
  warnings: [],
}

const policy = (microVmRuntime?: string, ...allowUnenforced: string[]): RuntimePolicy => ({
  microVmRuntime,
  gvisorRuntime: 'runsc',
  allowUnenforced: new Set(allowUnenforced),
})

test('a container runs on the default runtime, a microVM on the one that stands for it', () => {
  assert.equal(chooseRuntime('container', policy('kata'), PROBE), 'runc')
  assert.equal(chooseRuntime('microvm', policy('kata'), PROBE), 'kata')
})

test('F38: a microVM is refused where none is set and where the engine lacks it, never run on something else', () => {
  const unavailable = { code: 'runtime_unavailable' }
  assert.throws(() => chooseRuntime('microvm', policy(), PROBE), { ...unavailable, message: /microVM_runtime/ })
  assert.throws(() => chooseRuntime('microvm', policy('fc'), PROBE), {
    ...unavailable,
    details: { runtime: 'fc', available: ['runc', 'kata', 'runsc'] },
  })
})

test('A25: a runtime that does not enforce limits takes work only where the operator says so by its name', () => {
  const refused = { code: 'runtime_unavailable', message: /isolation\.runtimes\.runsc\.allowUnenforced/ }
  assert.throws(() => chooseRuntime('microvm', policy('runsc'), PROBE), refused)
  assert.throws(() => chooseRuntime('microvm', policy('runsc', 'runc', 'kata'), PROBE), refused)
  assert.equal(chooseRuntime('microvm', policy('runsc', 'runsc'), PROBE), 'runsc')
  const lax = { ...PROBE, runtimes: new Map([['runc', LAX]]) }
  assert.throws(() => chooseRuntime('container', policy(), lax), { code: 'runtime_unavailable' }, 'the default one too')
})

test('gVisor is the runtime that the operator names, under the same conditions as any other', () => {
  const unavailable = { code: 'runtime_unavailable' }
  assert.equal(chooseRuntime('gvisor', policy(undefined, 'runsc'), PROBE), 'runsc')
  assert.equal(chooseRuntime('gvisor', { ...policy(), gvisorRuntime: 'kata' }, PROBE), 'kata')
  assert.throws(() => chooseRuntime('gvisor', policy(), PROBE), { ...unavailable, message: /runsc\.allowUnenforced/ })
  const without = { ...PROBE, runtimes: new Map([['runc', ENFORCING]]) }
  assert.throws(() => chooseRuntime('gvisor', policy('runc', 'runsc'), without), { ...unavailable, message: /runsc/ })
  const unset = { ...policy('kata'), gvisorRuntime: undefined }
  assert.throws(() => chooseRuntime('gvisor', unset, PROBE), { ...unavailable, message: /isolation\.gvisorRuntime/ })
})

const PATHS = { devicePath: '/dev/isgx', aesmdPath: '/srv/aesmd' }

test('an SGX task gets the paths that the owner named, any other none', () => {
  assert.equal(chooseSgx({ sgx: true, isolation: 'container' }, PATHS), PATHS)
  assert.equal(chooseSgx({ sgx: false, isolation: 'container' }, PATHS), undefined)
  assert.equal(chooseSgx({ sgx: false, isolation: 'microvm' }, undefined), undefined)
})

test('SGX is refused where it is not offered, in a microVM and under gVisor', () => {
  const unavailable = { code: 'runtime_unavailable' }
  assert.throws(() => chooseSgx({ sgx: true, isolation: 'container' }, undefined), unavailable)
  for (const isolation of ['microvm', 'gvisor'] as const) {
    assert.throws(() => chooseSgx({ sgx: true, isolation }, PATHS), unavailable)
  }
})
