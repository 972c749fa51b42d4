import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { extract } from 'tar-stream'
import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import { FakeBench, never } from './fake-bench.fixture.ts'
import type { FakeEngine } from './fake-engine.ts'

/** `name type size linkname` of every entry, and how many bytes of content there were in all. */
async function unpack(engine: FakeEngine, path: string): Promise<{ entries: string[]; text: string; bytes: number }> {
  const [ref] = engine.sandboxes
  assert.ok(ref)
  const unpacked = { entries: [] as string[], text: '', bytes: 0 }
  const archive = extract()
  const feeding = feed(engine.collect(ref, path, never), archive)
  for await (const entry of archive) {
    const { name, type, size, linkname } = entry.header
    unpacked.entries.push([name, type, size, linkname].filter((part) => part !== null).join(' '))
    for await (const chunk of Readable.from(entry)) {
      unpacked.bytes += (chunk as Buffer).length
      if (unpacked.bytes < 1000) unpacked.text += String(chunk)
    }
  }
  await feeding
  return unpacked
}

async function feed(chunks: AsyncIterable<Buffer>, archive: ReturnType<typeof extract>): Promise<void> {
  try {
    for await (const chunk of chunks) if (!archive.write(chunk)) await drained(archive)
    archive.end(null)
  } catch (error) {
    archive.destroy(ErrandError.from(error))
  }
}

async function drained(archive: ReturnType<typeof extract>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  archive.once('drain', () => resolve())
  await promise
}

describe('the files of a fake sandbox', () => {
  test('are collected as a folder of every kind of entry, after the end', async () => {
    await using bench = new FakeBench()
    await bench.start({
      files: { '/out/from-image': 'image ' },
      run: async (process) => {
        process.write('/out/a/file', { kind: 'file', content: Buffer.from('written'), mode: 0o600 })
        process.write('/out/link', { kind: 'symbolic link', target: '/etc/passwd' })
        process.write('/out/hard', { kind: 'hard link', target: 'a/file' })
        process.write('/out/pipe', { kind: 'fifo' })
        process.write('/out/null', { kind: 'device' })
        process.write('/out/empty', { kind: 'folder' })
        process.write('/outside', 'not asked for')
        return 0
      },
    })
    const { entries, text } = await unpack(bench.engine, '/out')
    assert.deepEqual(entries.toSorted(), [
      'out directory 0',
      'out/a/file file 7',
      'out/empty directory 0',
      'out/from-image file 6',
      'out/hard link 0 a/file',
      'out/link symlink 0 /etc/passwd',
      'out/null character-device 0',
      'out/pipe fifo 0',
    ])
    assert.equal(text, 'image written')
    assert.deepEqual((await unpack(bench.engine, '/out/a/file')).entries, ['file file 7'])
    await assert.rejects(unpack(bench.engine, '/ou'), { code: 'not_found' })
  })

  test('can be large without being in memory, and be left half read', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ files: { '/big': { kind: 'zeros', bytes: 200 * MIB } } })
    const before = process.memoryUsage().arrayBuffers
    assert.equal((await unpack(bench.engine, '/big')).bytes, 200 * MIB)
    assert.ok(process.memoryUsage().arrayBuffers - before < 50 * MIB)
    for await (const _chunk of bench.engine.collect(ref, '/big', never)) break
  })

  test('count as disk use when they were written, but not in mounts, and go with the process from memory', async () => {
    await using bench = new FakeBench()
    const limit = { bytes: 1, inodes: 1 }
    const mounts = [{ kind: 'scratch', target: '/tmp', sizeBytes: 100 }] as const
    const ref = await bench.start(
      {
        files: { '/bin/sh': 'of the image' },
        run: async (process) => {
          process.write('/data', { kind: 'zeros', bytes: 1000 })
          process.write('/tmp/scratch', 'x')
          await process.untilSignal('SIGTERM')
          return 0
        },
      },
      { mounts },
    )
    assert.deepEqual(await bench.engine.diskUsage(ref, limit, never), { bytes: 1000, inodes: 1 })
    assert.deepEqual((await unpack(bench.engine, '/tmp/scratch')).entries, ['scratch file 1'])
    await bench.engine.signal(ref, 'SIGTERM', never)
    await bench.untilExited(ref)
    await assert.rejects(unpack(bench.engine, '/tmp/scratch'), { code: 'not_found' })
  })
})
