import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { ExecutionLog } from './execution-log.ts'
import { bytesOf, entriesOf, findHole, LogKit } from './log-kit.fixture.ts'

const run = promisify(execFile)
const KIB = 1024

/** A file system of its own, which is soon full. */
async function mountSmall(kib: number, inodes = 0): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-small-'))
  await run('mount', ['-t', 'tmpfs', '-o', `size=${kib}k,nr_inodes=${inodes}`, 'errand-test', folder])
  return {
    folder,
    async [Symbol.asyncDispose]() {
      await run('umount', [folder])
      await rm(folder, { recursive: true })
    },
  }
}

const mustMount = { skip: process.getuid?.() === 0 ? false : 'only root can mount a file system' }

describe('a log on a disk in trouble', () => {
  test('keeps what fits on a full one, counts the rest, and says so once', mustMount, async () => {
    await using disk = await mountSmall(1024)
    const log = new RecordingLog()
    await using kit = await LogKit.open({ parent: disk.folder, log })
    let lines = ''
    for (let line = 0; lines.length < 3000 * KIB; line += 1) lines += `line ${line}\n`
    const printed = Buffer.from(lines)
    for (let at = 0; at < printed.length; at += 8 * KIB) {
      kit.log.append('stdout', printed.subarray(at, at + 8 * KIB))
      if (at % (64 * KIB) === 0) await kit.log.written()
    }
    await kit.log.end()
    const entries = await entriesOf(kit.log, { follow: true })
    const head = bytesOf(
      entries.slice(
        0,
        entries.findIndex(({ gap }) => gap !== undefined),
      ),
    )
    assert.ok(
      head.length > 800 * KIB && head.equals(printed.subarray(0, head.length)),
      `${head.length} bytes come first`,
    )
    const left = entries.reduce((sum, { gap }) => sum + (gap?.bytes ?? 0), 0)
    assert.equal(left + bytesOf(entries).length, printed.length)
    assert.equal(findHole(entries), undefined)
    const { stdoutBytes, droppedBytes } = kit.log.totals
    assert.deepEqual([stdoutBytes, droppedBytes], [printed.length, left])
    assert.equal(log.lines.length, 1)
  })

  test('goes on when there is room again, after a gap', mustMount, async () => {
    await using disk = await mountSmall(256)
    await using kit = await LogKit.open({ parent: disk.folder })
    const hog = join(disk.folder, 'hog')
    await writeFile(hog, Buffer.alloc(200 * KIB))
    const parts = ['a', 'b', 'c'].map((letter) => Buffer.alloc(60 * KIB, letter))
    kit.log.append('stdout', parts[0] ?? assert.fail())
    await kit.log.written()
    await rm(hog)
    for (const part of parts.slice(1)) {
      kit.log.append('stdout', part)
      await kit.log.written()
    }
    await kit.log.end()
    for (const log of [kit.log, await kit.reopen()]) {
      const entries = await entriesOf(log)
      assert.equal(findHole(entries), undefined)
      assert.equal(entries[0]?.gap?.bytes, 60 * KIB)
      assert.deepEqual(bytesOf(entries), Buffer.concat(parts.slice(1)))
    }
  })

  test('cannot be begun on a full one: storage_full', mustMount, async () => {
    await using disk = await mountSmall(64, 1)
    await using kit = await LogKit.open()
    const options = { ...kit.options, folder: join(disk.folder, 'log') }
    await assert.rejects(ExecutionLog.open(options), { code: 'storage_full' })
  })

  test('is not begun in a folder that is there: storage_error', async () => {
    await using kit = await LogKit.open()
    await assert.rejects(ExecutionLog.open(kit.options), { code: 'storage_error' })
  })

  test('tells its readers when somebody else deleted it, and ends all the same', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('x'))
    await kit.log.written()
    await rm(kit.options.folder, { recursive: true })
    await assert.rejects(entriesOf(kit.log), { code: 'not_found' })
    kit.log.append('stdout', Buffer.from('y'))
    await kit.log.end()
  })
})
