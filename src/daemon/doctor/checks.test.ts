import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { shortageOf } from '../../images/low-water-mark.ts'
import { checkDaemon } from './daemon-checks.ts'
import { checkGpus, checkSgx } from './device-checks.ts'
import { fakeLook } from './fake-look.fixture.ts'
import type { Finding, FindingLevel } from './finding.ts'
import { checkDisk, checkRunDir, checkStateFolder } from './folder-checks.ts'
import {
  checkBridgeFilter,
  checkClock,
  checkControllers,
  checkFileSystems,
  checkFirewall,
  checkNode,
  checkOpenFiles,
} from './host-checks.ts'

const GIB = 2 ** 30

/** What is found is of this level and says this; advice is there exactly where something is to do, in one line. */
function expect(finding: Finding | undefined, level: FindingLevel, words: RegExp = /./): void {
  assert.ok(finding)
  assert.equal(finding.level, level, finding.found)
  assert.match(finding.found, words)
  assert.equal(finding.advice === undefined, level === 'ok')
  assert.ok(!finding.advice?.includes('\n'))
}

describe('of the host', () => {
  test('Node.js has to be new enough', () => {
    expect(checkNode('v24.15.0'), 'ok')
    expect(checkNode('v26.1.0'), 'ok')
    expect(checkNode('v24.14.9'), 'problem', /older/)
  })

  test('few open files are a warning', async () => {
    const limits = (soft: string) =>
      checkOpenFiles(
        fakeLook({ texts: { '/proc/self/limits': `Max open files            ${soft}   1048576   files` } }),
      )
    expect(await limits('1024'), 'warning', /1024/)
    expect(await limits('4096'), 'ok')
    expect(await limits('unlimited'), 'ok')
    expect(await checkOpenFiles(fakeLook()), 'warning', /cannot be read/)
  })

  test('controllers that are missing leave limits without effect, in both versions of cgroups', async () => {
    const unified = (text: string) =>
      checkControllers(fakeLook({ texts: { '/sys/fs/cgroup/cgroup.controllers': text } }), '2')
    expect(await unified('cpuset cpu io memory hugetlb pids rdma\n'), 'ok')
    expect(await unified('cpuset cpu io pids\n'), 'problem', /^memory missing/)
    const rows = (memory: string) =>
      ['cpu', 'cpuacct', 'pids', 'blkio', 'freezer'].map((name) => `${name}\t1\t1\t1`).join('\n') +
      `\nmemory\t0\t1\t${memory}\n`
    const legacy = (text: string) => checkControllers(fakeLook({ texts: { '/proc/cgroups': text } }), '1')
    expect(await legacy(rows('1')), 'ok')
    expect(await legacy(rows('0')), 'problem', /memory/)
    expect(await checkControllers(fakeLook(), '1'), 'warning', /cannot be seen/)
    expect(await checkControllers(fakeLook(), '2'), 'warning', /cannot be seen/)
  })

  test('the kernel has to know overlay, and to filter bridges', async () => {
    expect(await checkFileSystems(fakeLook({ texts: { '/proc/filesystems': 'nodev\toverlay\n\text4\n' } })), 'ok')
    expect(await checkFileSystems(fakeLook({ texts: { '/proc/filesystems': '\text4\n' } })), 'warning')
    const path = '/proc/sys/net/bridge/bridge-nf-call-iptables'
    expect(await checkBridgeFilter(fakeLook({ texts: { [path]: '1\n' } })), 'ok')
    expect(await checkBridgeFilter(fakeLook({ texts: { [path]: '0\n' } })), 'warning', /is off/)
    expect(await checkBridgeFilter(fakeLook()), 'warning', /not loaded/)
  })

  test('iptables is needed unless a network is named', () => {
    expect(checkFirewall(true, undefined), 'ok')
    expect(checkFirewall(false, 'mine'), 'ok', /mine/)
    expect(checkFirewall(false, undefined), 'problem')
  })

  test('a clock is told to be kept, to jump, or to be far off', async () => {
    const now = Date.parse('2026-06-01T00:00:00Z')
    const steady = { wallMs: [now, now + 500], monotonicMs: [10, 510] } as const
    const kept = fakeLook({ paths: { '/run/chrony/chronyd.pid': {} } })
    expect(await checkClock(kept, steady), 'ok', /chrony/)
    const told = fakeLook({ programs: { 'timedatectl show --property=NTPSynchronized --value': 'yes\n' } })
    expect(await checkClock(told, steady), 'ok', /synchronized/)
    expect(await checkClock(fakeLook(), steady), 'warning', /nothing is seen/)
    expect(await checkClock(kept, { ...steady, wallMs: [now, now + 3500] }), 'warning', /set by 3000 ms/)
    expect(await checkClock(kept, { ...steady, wallMs: [0, 500] }), 'problem', /1970/)
  })
})

describe('of devices', () => {
  const sgx = { isEnabled: true, devicePath: '/dev/sgx_enclave', aesmdPath: '/var/run/aesmd' }

  test('GPUs are shown, missed where they are offered, and need an NVIDIA toolkit that is new enough', async () => {
    expect((await checkGpus(fakeLook(), false))[0], 'ok', /none/)
    expect((await checkGpus(fakeLook(), true))[0], 'problem', /none is seen/)
    const folders = { '/proc/driver/nvidia/gpus': ['0000:01:00.0'], '/dev/dri': ['card0', 'renderD128'] }
    const [seen, toolkit] = await checkGpus(fakeLook({ folders }), true)
    expect(seen, 'ok', /^1 of NVIDIA, renderD128$/)
    expect(toolkit, 'problem', /not installed/)
    const ctk = (version: string) => ({
      'nvidia-ctk --version': `NVIDIA Container Toolkit CLI version ${version}\ncommit: x\n`,
    })
    expect((await checkGpus(fakeLook({ folders, programs: ctk('1.17.8') }), true))[1], 'ok', /1.17.8/)
    expect((await checkGpus(fakeLook({ folders, programs: ctk('1.16.1') }), true))[1], 'problem', /CVE/)
  })

  test('SGX that is offered needs its device and its folder', async () => {
    const device = { '/dev/sgx_enclave': { kind: 'device' } } as const
    expect(await checkSgx(fakeLook(), { ...sgx, isEnabled: false }), 'ok', /no device/)
    expect(await checkSgx(fakeLook({ paths: device }), { ...sgx, isEnabled: false }), 'ok', /not offered/)
    expect(await checkSgx(fakeLook(), sgx), 'problem', /no device/)
    expect(await checkSgx(fakeLook({ paths: device }), sgx), 'problem', /aesmd/)
    expect(await checkSgx(fakeLook({ paths: { ...device, '/var/run/aesmd': { kind: 'folder' } } }), sgx), 'ok')
  })
})

describe('of folders', () => {
  test('a state folder is private and its user is this one', async () => {
    const check = (facts: object, uid = 0) =>
      checkStateFolder(fakeLook({ paths: { '/s': { kind: 'folder', ...facts } } }), '/s', uid)
    expect(await check({ mode: 0o700 }), 'ok')
    expect(await check({ mode: 0o755 }), 'warning', /755/)
    expect(await check({ mode: 0o700, uid: 7 }, 1000), 'problem', /user 7/)
    expect(await check({ kind: 'file' }), 'problem', /no folder/)
    expect(
      await checkStateFolder(fakeLook({ paths: { '/var': { kind: 'folder' } } }), '/var/lib/errand', 0),
      'ok',
      /made in \/var$/,
    )
  })

  test('a run folder leaves room for the name of a socket', () => {
    expect(checkRunDir('/run/errand'), 'ok')
    expect(checkRunDir(`/${'r'.repeat(94)}`), 'ok')
    expect(checkRunDir(`/${'r'.repeat(95)}`), 'problem', /108 of 107/)
  })

  test('a disk below the low-water mark of the daemon is a problem', async () => {
    const check = (freeBytes: number, freeInodes = 1) =>
      checkDisk(fakeLook({ disk: { totalBytes: 100 * GIB, freeBytes, freeInodes } }), 'disk', '/s/t', (space) =>
        shortageOf(space),
      )
    expect(await check(6 * GIB), 'ok', /6\.0 of 100\.0 GiB/)
    expect(await check(4 * GIB), 'problem', /kept free/)
    expect(await check(6 * GIB, 0.01), 'problem', /inodes/)
    expect(await checkDisk(fakeLook(), 'disk', '/s', () => undefined), 'warning', /cannot be seen/)
  })
})

describe('of a daemon', () => {
  const lock = { '/s/lock.db': { inode: 4711 } }
  const locks = {
    '/proc/locks':
      '1: POSIX  ADVISORY  WRITE 99 fe:00:12 0 EOF\n2: POSIX  ADVISORY  WRITE 321 fe:00:4711 1073741826 1073742335\n',
  }
  const check = (
    host: Parameters<typeof fakeLook>[0],
    answers: boolean,
    socket: string | undefined = '/r/errand.sock',
  ) => checkDaemon(fakeLook(host), '/s', socket, async () => answers)

  test('it is told by its lock and its socket, and by no more than a look', async () => {
    expect(await check({}, false), 'ok', /none/)
    expect(await check({ paths: lock }, false), 'ok', /none/)
    expect(await check({ paths: lock, texts: locks }, true), 'ok', /answers on \/r\/errand.sock \(process 321\)/)
    expect(await check({ paths: lock, texts: locks }, false), 'warning', /process 321.*does not answer/)
    expect(
      await checkDaemon(fakeLook({ paths: lock, texts: locks }), '/s', undefined, async () => false),
      'ok',
      /no unix socket/,
    )
    expect(await check({}, true), 'ok', /answers/)
  })
})
