import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toProbe } from './probe.ts'
import type { InfoAnswer } from './schemas.ts'

const INFO: InfoAnswer = {
  NCPU: 2,
  MemTotal: 1024,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
  CpuCfsQuota: true,
  CgroupDriver: 'systemd',
  DockerRootDir: '/var/lib/docker',
  LiveRestoreEnabled: true,
  DefaultRuntime: 'runc',
  Runtimes: {
    runc: { path: 'runc' },
    runsc: { path: '/usr/bin/runsc', runtimeArgs: ['--platform=ptrace', '--ignore-cgroups'] },
    kata: {},
  },
}

test('a runtime told to ignore cgroups enforces no limits', () => {
  const { runtimes, warnings } = toProbe('20.10.24', INFO, true)
  assert.deepEqual(Object.fromEntries(runtimes), {
    runc: { enforcesLimits: true, hasUnixSocket: true },
    runsc: { enforcesLimits: false, hasUnixSocket: false },
    kata: { enforcesLimits: true, hasUnixSocket: false },
  })
  assert.deepEqual(warnings, [])
})

test('no runtime enforces what the kernel cannot, and the operator is told', () => {
  for (const lack of ['MemoryLimit', 'PidsLimit', 'CpuCfsQuota'] as const) {
    const { runtimes, warnings } = toProbe('20.10.24', { ...INFO, [lack]: false }, true)
    assert.equal(runtimes.get('runc')?.enforcesLimits, false, lack)
    assert.equal(warnings.length, 1)
  }
})

test('the operator is told of swap and of restarts that end tasks', () => {
  const { warnings } = toProbe('20.10.24', { ...INFO, SwapLimit: false, LiveRestoreEnabled: false }, true)
  assert.deepEqual(
    warnings.map((warning) => warning.split(/[ :]/)[0]),
    ['live-restore', 'swap'],
  )
})

test('a process that cannot open the volumes has no unix sockets, and without cgroups nothing pauses', () => {
  const probe = toProbe('20.10.24', { ...INFO, CgroupDriver: 'none' }, false)
  assert.equal(probe.runtimes.get('runc')?.hasUnixSocket, false)
  assert.equal(probe.canPause, false)
})
