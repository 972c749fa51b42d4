import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { link, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { folderUsage } from './folder-usage.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024
const NO_LIMIT = { bytes: Number.MAX_SAFE_INTEGER, inodes: Number.MAX_SAFE_INTEGER }
const never = new AbortController().signal

class Folder implements AsyncDisposable {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), 'errand-usage-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Unlike Node it can remove what is too deep to be named.
    await run('rm', ['-rf', this.path])
  }
}

test('an empty folder uses nothing', async () => {
  await using folder = await Folder.make()
  assert.deepEqual(await folderUsage(folder.path, NO_LIMIT, never), { bytes: 0, inodes: 0 })
})

test('files in folders count for their blocks, sparse ones for their length', async () => {
  await using folder = await Folder.make()
  await mkdir(join(folder.path, 'a/b'), { recursive: true })
  await writeFile(join(folder.path, 'a/b/file'), Buffer.alloc(MIB))
  const { bytes, inodes } = await folderUsage(folder.path, NO_LIMIT, never)
  assert.equal(inodes, 3)
  assert.ok(bytes >= MIB && bytes < MIB + 64 * 1024, `${bytes}`)
  await writeFile(join(folder.path, 'sparse'), '')
  await truncate(join(folder.path, 'sparse'), 1024 * MIB)
  const sparse = await folderUsage(folder.path, NO_LIMIT, never)
  assert.ok(sparse.bytes >= 1025 * MIB)
})

test('a file counts once, however many names it has', async () => {
  await using folder = await Folder.make()
  await writeFile(join(folder.path, 'one'), Buffer.alloc(MIB))
  const once = await folderUsage(folder.path, NO_LIMIT, never)
  for (let index = 0; index < 100; index += 1) await link(join(folder.path, 'one'), join(folder.path, `${index}`))
  assert.deepEqual(await folderUsage(folder.path, NO_LIMIT, never), once)
})

test('links are counted and not followed', async () => {
  await using folder = await Folder.make()
  await symlink('/usr', join(folder.path, 'away'))
  await symlink('.', join(folder.path, 'loop'))
  assert.equal((await folderUsage(folder.path, NO_LIMIT, never)).inodes, 2)
})

test('names that are no text are counted with what is below them', async () => {
  await using folder = await Folder.make()
  const odd = Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0xff, 0xfe, 0x80])])
  await mkdir(odd)
  await writeFile(Buffer.concat([odd, Buffer.from('/file')]), Buffer.alloc(MIB))
  const { bytes, inodes } = await folderUsage(folder.path, NO_LIMIT, never)
  assert.equal(inodes, 2)
  assert.ok(bytes >= MIB)
})

test('counting stops soon after a limit is passed', async () => {
  await using folder = await Folder.make()
  const names = Array.from({ length: 1000 }, (_, index) => join(folder.path, `${index}`))
  for (const name of names) await writeFile(name, 'x')
  const { inodes } = await folderUsage(folder.path, { ...NO_LIMIT, inodes: 100 }, never)
  assert.ok(inodes > 100 && inodes < 300, `${inodes}`)
  const { bytes } = await folderUsage(folder.path, { ...NO_LIMIT, bytes: 100 }, never)
  assert.ok(bytes > 100)
})

test('a folder too deep for the kernel to name counts as beyond the limits', async () => {
  await using folder = await Folder.make()
  // Each half can be named; put together they cannot.
  const half = Array.from({ length: 10 }, () => 'x'.repeat(250)).join('/')
  await mkdir(join(folder.path, 'upper', half), { recursive: true })
  await mkdir(join(folder.path, 'lower', half), { recursive: true })
  await rename(join(folder.path, 'lower'), join(folder.path, 'upper', half, 'lower'))
  const limit = { bytes: 1000 * MIB, inodes: 1000 }
  assert.deepEqual(await folderUsage(folder.path, limit, never), { bytes: 1000 * MIB + 1, inodes: 1001 })
})

test('a folder that is not there is an error, and an abort rejects with its reason', async () => {
  await using folder = await Folder.make()
  await assert.rejects(folderUsage(join(folder.path, 'absent'), NO_LIMIT, never), { code: 'ENOENT' })
  const reason = new Error('given up')
  await assert.rejects(folderUsage(folder.path, NO_LIMIT, AbortSignal.abort(reason)), reason)
})

test('what vanishes, or becomes a link, while it is counted does no harm', { timeout: 60_000 }, async () => {
  await using folder = await Folder.make()
  const controller = new AbortController()
  const swap = async (): Promise<void> => {
    for (let round = 0; !controller.signal.aborted; round += 1) {
      const place = join(folder.path, `${round % 8}`)
      await mkdir(join(place, 'below'), { recursive: true })
      await writeFile(join(place, 'below/file'), 'x')
      await rm(place, { recursive: true })
      await symlink('/usr', place)
      await rm(place)
    }
  }
  const swapping = swap()
  for (let round = 0; round < 200; round += 1) {
    const { inodes } = await folderUsage(folder.path, NO_LIMIT, never)
    assert.ok(inodes < 100, `${inodes}`)
  }
  controller.abort()
  await swapping
})
