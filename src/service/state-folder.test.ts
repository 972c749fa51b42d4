import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { StateFolder, StateFolderLocked } from './state-folder.ts'

/** Opens the folder in another process, prints a line and holds it until killed or told to close. */
const HOLDER = `
  const { StateFolder } = await import(process.argv[1])
  const folder = await StateFolder.open(process.argv[2])
  console.log('held')
  process.stdin.once('end', () => folder[Symbol.asyncDispose]()).resume()
`

describe('the state folder', () => {
  let root = ''
  let path = ''
  let children: ChildProcess[] = []

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'errand-state-'))
    path = join(root, 'deep', 'state')
    children = []
  })

  afterEach(async () => {
    for (const child of children) await end(child, 'SIGKILL')
    await rm(root, { recursive: true })
  })

  async function holdElsewhere(): Promise<ChildProcess> {
    const module = new URL('./state-folder.ts', import.meta.url).href
    const child = spawn(process.execPath, ['--input-type=module', '--eval', HOLDER, module, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(child)
    await once(child.stdout, 'data')
    return child
  }

  test('is made for its owner alone, with an identity that stays', async () => {
    const first = await openAndClose(path)
    const second = await openAndClose(path)
    assert.deepEqual(second, first)
    assert.match(first.id, /^[0-9a-f]{32}$/)
    assert.equal(first.macKey.length, 32)
    assert.equal((await stat(path)).mode & 0o777, 0o700)
    assert.equal((await stat(join(path, 'installation.json'))).mode & 0o777, 0o600)
  })

  test('two folders have different identities', async () => {
    const [a, b] = [await openAndClose(join(root, 'a')), await openAndClose(join(root, 'b'))]
    assert.notEqual(a.id, b.id)
    assert.notDeepEqual(a.macKey, b.macKey)
  })

  test('a second opener in the same process is refused and the first is undisturbed', async () => {
    await using _first = await StateFolder.open(path)
    for (let attempt = 0; attempt < 3; attempt++) await assert.rejects(StateFolder.open(path), StateFolderLocked)
  })

  test('a second process is refused and told who holds it', async () => {
    const child = await holdElsewhere()
    await assert.rejects(StateFolder.open(path), (error) => {
      assert.ok(error instanceof StateFolderLocked)
      assert.equal(error.holder?.pid, child.pid)
      assert.match(error.message, new RegExp(`in use by process ${child.pid} on .+, started \\d{4}-`))
      return true
    })
    assert.equal(child.exitCode, null)
  })

  test('the kernel frees the lock of a killed process', async () => {
    const child = await holdElsewhere()
    await assert.rejects(StateFolder.open(path), StateFolderLocked)
    await end(child, 'SIGKILL')
    await openAndClose(path)
  })

  test('closing lets the next one in, whoever it is', async () => {
    const child = await holdElsewhere()
    child.stdin?.end()
    await once(child, 'exit')
    assert.equal(child.exitCode, 0)
    await openAndClose(path)
    await holdElsewhere()
  })

  test('a refused opener leaves the lock to its holder even when the holder has not said who it is', async () => {
    await using _first = await StateFolder.open(path)
    await writeFile(join(path, 'holder.json'), '{"pid":')
    await assert.rejects(StateFolder.open(path), /in use by another process/)
  })

  test('a damaged identity is refused, kept as it is, and the lock given back', async () => {
    const file = join(path, 'installation.json')
    await openAndClose(path)
    for (const damaged of ['', '{"id":"x"}', '{"id":"NO SUCH","macKey":""}', 'null']) {
      await writeFile(file, damaged)
      await assert.rejects(StateFolder.open(path), (error) => {
        assert.ok(error instanceof ErrandError && !(error instanceof StateFolderLocked))
        assert.equal(error.code, 'storage_error')
        assert.match(error.message, /installation\.json is damaged/)
        return true
      })
      assert.equal(await readFile(file, 'utf8'), damaged)
    }
  })

  test('a path that cannot be a folder is a storage error', async () => {
    await writeFile(join(root, 'file'), '')
    await assert.rejects(StateFolder.open(join(root, 'file')), { code: 'storage_error' })
    await assert.rejects(StateFolder.open(join(root, 'file', 'below')), { code: 'storage_error' })
  })

  test('disposing twice is the same as once', async () => {
    const folder = await StateFolder.open(path)
    await folder[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })
})

async function openAndClose(path: string): Promise<StateFolder['installation']> {
  await using folder = await StateFolder.open(path)
  return folder.installation
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
