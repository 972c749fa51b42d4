import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ParentCgroups, seesHostCgroups } from './cgroups.ts'

/** Files that look like the kernel's; folders among them can only be removed when they are empty. */
class Tree implements AsyncDisposable {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  static async make(files: Readonly<Record<string, string>>): Promise<Tree> {
    const tree = new Tree(await mkdtemp(join(tmpdir(), 'errand-cgroups-')))
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(tree.path, path)), { recursive: true })
      await writeFile(join(tree.path, path), content)
    }
    return tree
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}

test('under cgroup v1 a bill is read from three controllers, summed over devices', async () => {
  await using tree = await Tree.make({
    'cpuacct/errand-1/box/cpuacct.usage': '353317358\n',
    'memory/errand-1/box/memory.max_usage_in_bytes': '47927296\n',
    'blkio/errand-1/box/blkio.throttle.io_service_bytes_recursive':
      '8:16 Read 4096\n8:16 Write 100\n8:16 Sync 0\n8:16 Total 4196\n8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 4199\n',
  })
  const cgroups = new ParentCgroups('errand-1', tree.path)
  assert.deepEqual(await cgroups.read('box'), {
    cpuNs: 353317358,
    memoryPeakBytes: 47927296,
    blockReadBytes: 4097,
    blockWriteBytes: 102,
  })
})

test('under cgroup v2 a bill is read from one folder', async () => {
  await using tree = await Tree.make({
    'cgroup.controllers': 'cpuset cpu io memory pids\n',
    'errand-1/box/cpu.stat': 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 0\n',
    'errand-1/box/memory.peak': '47927296\n',
    'errand-1/box/io.stat':
      '8:16 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=7 dios=1\n8:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n',
  })
  const cgroups = new ParentCgroups('errand-1', tree.path)
  assert.deepEqual(await cgroups.read('box'), {
    cpuNs: 1_500_000,
    memoryPeakBytes: 47927296,
    blockReadBytes: 4097,
    blockWriteBytes: 102,
  })
  assert.deepEqual(await cgroups.list(), new Set(['box']))
})

test('there is no bill where the kernel does not count all of it', async () => {
  await using tree = await Tree.make({
    'cgroup.controllers': '',
    'errand-1/box/cpu.stat': 'usage_usec 1500\n',
    'errand-1/box/io.stat': '',
  })
  const cgroups = new ParentCgroups('errand-1', tree.path)
  assert.equal(await cgroups.read('box'), undefined)
  assert.equal(await cgroups.read('other'), undefined)
})

test('cgroups are listed and removed in every hierarchy, those below first, and their folder when it is empty', async () => {
  await using tree = await Tree.make({})
  const make = (path: string): Promise<unknown> => mkdir(join(tree.path, path), { recursive: true })
  await make('cpu,cpuacct/errand-1/one/leaf')
  await make('memory/errand-1/one')
  await make('memory/errand-1/two')
  await make('memory/docker/one')
  await symlink('cpu,cpuacct', join(tree.path, 'cpu'))
  const cgroups = new ParentCgroups('errand-1', tree.path)
  assert.equal(cgroups.pathOf('one'), '/errand-1/one')
  assert.deepEqual(await cgroups.list(), new Set(['one', 'two']))
  await cgroups.remove('one')
  await cgroups.remove('one')
  assert.deepEqual(await cgroups.list(), new Set(['two']))
  await cgroups.removeFolder()
  assert.deepEqual(await readdir(join(tree.path, 'cpu')), [])
  assert.deepEqual(await readdir(join(tree.path, 'memory/errand-1')), ['two'])
  assert.deepEqual(await readdir(join(tree.path, 'memory/docker')), ['one'])
})

const MOUNTS = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory
`

async function processFolder(namespace: string, mountinfo: string): Promise<Tree> {
  const tree = await Tree.make({ mountinfo })
  await mkdir(join(tree.path, 'ns'))
  await symlink(namespace, join(tree.path, 'ns/cgroup'))
  return tree
}

test('cgroups are the host’s own only in its first namespace, and where the tree is seen from its root', async () => {
  await using host = await processFolder('cgroup:[4026531835]', MOUNTS)
  assert.equal(await seesHostCgroups(host.path), true)
  await using apart = await processFolder('cgroup:[4026532500]', MOUNTS)
  assert.equal(await seesHostCgroups(apart.path), false)
  await using below = await processFolder('cgroup:[4026531835]', MOUNTS.replace('0:32 /', '0:32 /docker/abc'))
  assert.equal(await seesHostCgroups(below.path), false)
  await using none = await processFolder('cgroup:[4026531835]', '')
  assert.equal(await seesHostCgroups(none.path), false)
  assert.equal(await seesHostCgroups(join(none.path, 'absent')), false)
})
