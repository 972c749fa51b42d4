import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { type ContainerFacts, inspectContainer, onlyContainer } from '../support/containers.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID']
/** The same by number: bits 0, 1, 3, 5, 6, 7 and 10. */
const CAPABILITY_BITS = '00000000000004eb'
const RESOURCE = { cpu: 0.7, mem: 96 }

describe('the container of a task', { timeout: 300_000 }, () => {
  let node: TestDaemon
  let image: string
  let facts: ContainerFacts
  before(async () => {
    image = await ensureTask('talk')
    node = await startDaemon()
    await read('/proc/self/status')
    facts = await inspectContainer(await onlyContainer(node))
  })
  after(async () => node[Symbol.asyncDispose]())

  /** A file as the task itself sees it. */
  async function read(path: string): Promise<string> {
    const answer = await node.execute({ id: image, resource: RESOURCE, input: say({ order: 'read', path }) })
    assert.equal(answer.success, true)
    return answer.msg
  }

  test('has the memory asked for and no swap beyond it', async () => {
    const { Memory, MemorySwap, ShmSize, OomScoreAdj } = facts.HostConfig
    assert.deepEqual([Memory, MemorySwap, ShmSize, OomScoreAdj], [96 * MIB, 96 * MIB, 16 * MIB, 500])
  })

  test('has the cpu share asked for and a bounded number of processes', async () => {
    const { NanoCpus, PidsLimit } = facts.HostConfig
    assert.deepEqual([NanoCpus, PidsLimit], [700_000_000, 256])
  })

  test('has seven capabilities and can get no more', async () => {
    const { CapDrop, CapAdd, SecurityOpt, Privileged } = facts.HostConfig
    assert.deepEqual(CapDrop, ['ALL'])
    assert.deepEqual((CapAdd as string[]).map((name) => name.replace(/^CAP_/, '')).sort(), CAPABILITIES)
    assert.deepEqual(SecurityOpt, ['no-new-privileges'])
    assert.equal(Privileged, false)
  })

  test('has bounded open files, no core dumps and a bounded log', async () => {
    const { Ulimits, LogConfig } = facts.HostConfig
    assert.deepEqual(Ulimits, [
      { Name: 'nofile', Soft: 1024, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ])
    assert.deepEqual(LogConfig, { Type: 'local', Config: { 'max-size': '10m', 'max-file': '2' } })
  })

  test('has an init process, no health check, and is not restarted or removed by the engine', async () => {
    const { Init, RestartPolicy, AutoRemove } = facts.HostConfig
    assert.equal(Init, true)
    assert.deepEqual(facts.Config.Healthcheck, { Test: ['NONE'] })
    assert.deepEqual(RestartPolicy, { Name: 'no', MaximumRetryCount: 0 })
    assert.equal(AutoRemove, false)
  })

  test('has nothing of the host: no devices, no binds, no published ports, no shared namespaces', async () => {
    const { Devices, DeviceRequests, Binds, PortBindings, VolumesFrom, Links, ExtraHosts } = facts.HostConfig
    for (const given of [Devices, DeviceRequests, Binds, VolumesFrom, Links, ExtraHosts]) {
      assert.deepEqual(given ?? [], [])
    }
    assert.deepEqual(PortBindings ?? {}, {})
    const { PidMode, UTSMode, UsernsMode, IpcMode } = facts.HostConfig
    assert.deepEqual([PidMode, UTSMode, UsernsMode, IpcMode], ['', '', '', 'private'])
  })

  test('is on the network of this daemon alone', async () => {
    const network = `errand-${node.installation.slice(0, 12)}`
    assert.equal(facts.HostConfig.NetworkMode, network)
    assert.deepEqual(Object.keys(facts.NetworkSettings.Networks), [network])
  })

  test('is limited as its own processes see it', async () => {
    const status = await read('/proc/self/status')
    const field = (name: string): string | undefined => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1]
    assert.deepEqual([field('NoNewPrivs'), field('Seccomp')], ['1', '2'])
    assert.deepEqual(
      [field('CapPrm'), field('CapEff'), field('CapBnd')],
      [CAPABILITY_BITS, CAPABILITY_BITS, CAPABILITY_BITS],
    )
    const limits = await read('/proc/self/limits')
    // A process may raise its own soft limit, and Node.js does.
    assert.match(limits, /^Max open files +\d+ +4096 +files/m)
    assert.match(limits, /^Max core file size +0 +0 +bytes/m)
  })

  test('has its limits in the kernel', async () => {
    assert.equal(await readEither('memory/memory.limit_in_bytes', 'memory.max'), String(96 * MIB))
    assert.equal(await readEither('pids/pids.max', 'pids.max'), '256')
    const quota = await readEither('cpu/cpu.cfs_quota_us', 'cpu.max')
    assert.equal(quota.split(' ')[0], '70000')
  })

  /** The file of the first or of the second version of cgroups. */
  async function readEither(first: string, second: string): Promise<string> {
    const isFirst = (await read('/proc/self/cgroup')).includes(':memory:')
    return (await read(`/sys/fs/cgroup/${isFirst ? first : second}`)).trim()
  }
})
