import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { HeldFolder } from './held-folder.ts'

test('a held folder is reached when the path to it is gone, and let go of once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-held-'))
  try {
    await writeFile(join(folder, 'task.sock'), 'here')
    const before = await openFiles()
    const held = new HeldFolder({ unixPath: join(folder, 'task.sock') })
    await rename(folder, `${folder}-moved`)
    assert.ok('unixPath' in held.endpoint)
    assert.equal(await readFile(held.endpoint.unixPath, 'utf8'), 'here')
    held[Symbol.dispose]()
    held[Symbol.dispose]()
    assert.equal(await openFiles(), before)
  } finally {
    await rm(`${folder}-moved`, { recursive: true, force: true })
  }
})

test('what cannot be held is left as it is', () => {
  for (const endpoint of [{ host: '127.0.0.1', port: 1 }, { unixPath: '/nowhere/task.sock' }]) {
    using held = new HeldFolder(endpoint)
    assert.deepEqual(held.endpoint, endpoint)
  }
})

async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd')).length
}
