import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InfoAnswer } from './answers/host.ts'
import { type ProbedHost, toProbe } from './probe.ts'

const VERSION = { Version: '20.10.24' }

const INFO: InfoAnswer = {
  NCPU: 2,
  MemTotal: 1024,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
  CpuCfsQuota: true,
  CgroupDriver: 'systemd',
  DockerRootDir: '/var/lib/docker',
  Driver: 'overlay2',
  DriverStatus: [['Backing Filesystem', 'extfs']],
  LiveRestoreEnabled: true,
  DefaultRuntime: 'runc',
  Runtimes: {
    runc: { path: 'runc' },
    runsc: { path: '/usr/bin/runsc', runtimeArgs: ['--platform=ptrace', '--ignore-cgroups'] },
    kata: {},
  },
}

const HOST: ProbedHost = {
  seesVolumes: true,
  view: { isShared: true, engineRoot: undefined },
  findsOwnFiles: true,
  sharesProcessIds: true,
  mountTable: '',
  networks: new Set(['tasks']),
}

test('a runtime told to ignore cgroups enforces no limits', () => {
  const { runtimes, warnings } = toProbe(VERSION, INFO, HOST)
  assert.deepEqual(Object.fromEntries(runtimes), {
    runc: { enforcesLimits: true, hasUnixSocket: true, program: 'runc' },
    runsc: {
      enforcesLimits: false,
      unenforced: ['cpu', 'memory', 'pids'],
      hasUnixSocket: false,
      program: '/usr/bin/runsc',
    },
    kata: { enforcesLimits: true, hasUnixSocket: false },
  })
  assert.deepEqual(warnings, [])
})

test('no runtime enforces what the kernel cannot, and the operator is told', () => {
  for (const [lack, limit] of [
    ['MemoryLimit', 'memory'],
    ['PidsLimit', 'pids'],
    ['CpuCfsQuota', 'cpu'],
  ] as const) {
    const { runtimes, warnings } = toProbe(VERSION, { ...INFO, [lack]: false }, HOST)
    assert.equal(runtimes.get('runc')?.enforcesLimits, false, lack)
    assert.deepEqual(runtimes.get('runc')?.unenforced, [limit])
    assert.equal(warnings.length, 1)
  }
})

test('the operator is told of swap and of restarts that end tasks', () => {
  const { warnings } = toProbe(VERSION, { ...INFO, SwapLimit: false, LiveRestoreEnabled: false }, HOST)
  assert.deepEqual(
    warnings.map((warning) => warning.split(/[ :]/)[0]),
    ['live-restore', 'swap'],
  )
})

test('a process that cannot open the volumes has no unix sockets, and without cgroups nothing pauses', () => {
  const probe = toProbe(VERSION, { ...INFO, CgroupDriver: 'none' }, { ...HOST, seesVolumes: false })
  assert.equal(probe.runtimes.get('runc')?.hasUnixSocket, false)
  assert.equal(probe.canPause, false)
  assert.equal(probe.canMount, false)
  assert.equal(toProbe(VERSION, INFO, { ...HOST, sharesProcessIds: false }).canMount, false)
})

test('out of another view of the mounts folders can be mounted by the root of the Engine alone', () => {
  const probeOf = (isShared: boolean | undefined, engineRoot?: string): unknown[] => {
    const { canMount, hostRoot } = toProbe(VERSION, INFO, { ...HOST, view: { isShared, engineRoot } })
    return [canMount, hostRoot]
  }
  assert.deepEqual(probeOf(true), [true, undefined])
  assert.deepEqual(probeOf(undefined), [true, undefined])
  assert.deepEqual(probeOf(false), [false, undefined])
  assert.deepEqual(probeOf(false, '/proc/self/fd/9/.'), [true, '/proc/self/fd/9/.'])
})

test('the operator is told when the Engine does not find the state folder', () => {
  const { findsOwnFiles, warnings } = toProbe(VERSION, INFO, { ...HOST, findsOwnFiles: false })
  assert.equal(findsOwnFiles, false)
  assert.match(warnings.join(), /does not find stateDir/)
})

test('disk is limited where the storage driver takes a quota, which overlay2 does on xfs with project quotas alone', () => {
  const xfs = [['Backing Filesystem', 'xfs']]
  const mounts = (options: string): string =>
    [
      '21 1 8:1 / / rw - ext4 /dev/sda1 rw,prjquota',
      `22 21 8:2 / /var/lib rw,noatime shared:1 - xfs /dev/sda2 rw,${options}`,
      '23 21 8:3 / /var/lib/dock rw - xfs /dev/sda3 rw,noquota',
    ].join('\n')
  const canLimit = (info: Partial<InfoAnswer>, mountTable: string): boolean =>
    toProbe(VERSION, { ...INFO, ...info }, { ...HOST, mountTable }).canLimitDisk
  assert.equal(canLimit({ DriverStatus: xfs }, mounts('attr2,prjquota')), true)
  assert.equal(canLimit({ DriverStatus: xfs }, mounts('noquota')), false)
  assert.equal(canLimit({ DriverStatus: xfs }, ''), false)
  assert.equal(canLimit({}, mounts('prjquota')), false)
  assert.equal(canLimit({ Driver: 'btrfs' }, ''), true)
  assert.equal(canLimit({ Driver: 'vfs', DriverStatus: xfs }, mounts('prjquota')), false)
})

test('each component has the version of its package, where that is told', () => {
  const Components = [
    { Name: 'Engine', Version: '20.10.24+dfsg1', Details: { GitCommit: '5d6db84' } },
    { Name: 'runc', Version: '1.1.5+ds1', Details: { GitCommit: '1.1.5+ds1-1+deb12u1' } },
    { Name: 'docker-init', Version: '0.19.0' },
  ]
  assert.deepEqual(
    [...(toProbe({ ...VERSION, Components }, INFO, HOST).components ?? [])],
    [
      ['engine', '20.10.24+dfsg1'],
      ['runc', '1.1.5+ds1-1+deb12u1'],
      ['docker-init', '0.19.0'],
    ],
  )
})
