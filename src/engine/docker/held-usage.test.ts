import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { DiskUsage } from '../engine.ts'
import { heldUsage } from './held-usage.ts'

const MIB = 1024 * 1024
const ID = 'c0ffee'
const NO_LIMIT = { bytes: Number.MAX_SAFE_INTEGER, inodes: Number.MAX_SAFE_INTEGER }
const never = new AbortController().signal

/** A container whose processes have this process's open files, in a folder that counts as its root file system. */
class Host implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** `cgroup` is the text of the process's file of that name, `group` the folder that it leads to. */
  static async make(cgroup: string, group: string, pids: readonly number[] = [77]): Promise<Host> {
    const host = new Host(await mkdtemp(join(tmpdir(), 'errand-held-')))
    for (const pid of pids) {
      const folder = join(host.path, 'proc', String(pid))
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'cgroup'), cgroup)
      await symlink(host.path, join(folder, 'root'))
      await symlink(`/proc/${process.pid}/fd`, join(folder, 'fd'))
    }
    const procs = join(host.path, 'cgroup', group, 'cgroup.procs')
    await mkdir(dirname(procs), { recursive: true })
    await writeFile(procs, ['0', ...pids, ''].join('\n'))
    return host
  }

  usage(limit: DiskUsage = NO_LIMIT): Promise<DiskUsage> {
    const roots = { procRoot: join(this.path, 'proc'), cgroupRoot: join(this.path, 'cgroup') }
    return heldUsage({ id: ID, pid: 77 }, limit, never, roots)
  }

  async hold(folder: string, bytes: number, isDeleted = true) {
    const path = join(folder, `held-${bytes}`)
    const file = await open(path, 'w')
    await file.writeFile(Buffer.alloc(bytes))
    if (isDeleted) await unlink(path)
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true })
  }
}

const V1 = `3:memory:/docker/${ID}\n2:cpu,cpuacct:/docker/${ID}\n1:name=systemd:/docker/${ID}\n0::/\n`

for (const [kind, cgroup, group] of [
  ['version 1', V1, `memory/docker/${ID}`],
  ['version 2', `0::/system.slice/docker-${ID}.scope\n`, `system.slice/docker-${ID}.scope`],
] as const) {
  test(`a deleted file counts as long as it is open, once for all who have it, with cgroups of ${kind}`, async () => {
    await using host = await Host.make(cgroup, group, [77, 78])
    {
      await using _deleted = await host.hold(host.path, MIB)
      await using _named = await host.hold(host.path, 2 * MIB, false)
      assert.deepEqual(await host.usage(), { bytes: MIB, inodes: 1 })
    }
    assert.deepEqual(await host.usage(), { bytes: 0, inodes: 0 })
  })
}

test('a deleted file in memory does not count', async () => {
  await using host = await Host.make(V1, `memory/docker/${ID}`)
  await using _inMemory = await host.hold('/dev/shm', MIB)
  assert.deepEqual(await host.usage(), { bytes: 0, inodes: 0 })
})

test('a process whose cgroup is not named after the container is a stranger', async () => {
  await using host = await Host.make('3:memory:/docker/somebody\n', 'memory/docker/somebody')
  await using _deleted = await host.hold(host.path, MIB)
  assert.deepEqual(await host.usage(), { bytes: 0, inodes: 0 })
})

test('a container whose processes cannot be seen, or have ended, holds nothing', async () => {
  await using host = await Host.make(V1, 'elsewhere', [])
  assert.deepEqual(await host.usage(), { bytes: 0, inodes: 0 })
})

test('looking ends once a limit is passed, and with its signal', async () => {
  await using host = await Host.make(V1, `memory/docker/${ID}`)
  await using _deleted = await host.hold(host.path, MIB)
  assert.deepEqual(await host.usage({ bytes: 100, inodes: 100 }), { bytes: MIB, inodes: 1 })
  const reason = new Error('given up')
  const roots = { procRoot: join(host.path, 'proc'), cgroupRoot: join(host.path, 'cgroup') }
  const given = heldUsage({ id: ID, pid: 77 }, NO_LIMIT, AbortSignal.abort(reason), roots)
  await assert.rejects(given, reason)
})
