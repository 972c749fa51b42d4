import assert from 'node:assert/strict'
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ErrandError } from '../core/errors.ts'
import { Allowance } from './allowance.ts'
import { type Unpacked, type UnpackOptions, unpackTar } from './guarded-tar.ts'
import { OpenPath } from './open-path.ts'
import { makePlace, type Place } from './place.fixture.ts'
import { type TarEntry, tarOf } from './tar.fixture.ts'
import { TreeWriter } from './tree-writer.ts'

const PLENTY = { bytes: 1_000_000, files: 1000 }

type Outcome = Unpacked & { readonly bytes: number; readonly files: number }

interface Unpacking extends Partial<UnpackOptions> {
  readonly limits?: typeof PLENTY
  readonly signal?: AbortSignal
}

/** Into the folder `in` of the place, in pieces of an odd size. */
async function unpack(
  place: Place,
  tar: Buffer | AsyncIterable<Uint8Array>,
  options: Unpacking = {},
): Promise<Outcome> {
  await mkdir(place.at('in'), { recursive: true })
  using root = await OpenPath.open(place.at('in'), true)
  const writer = new TreeWriter(root, new Allowance(options.limits ?? PLENTY))
  const source = Buffer.isBuffer(tar) ? pieces(tar) : tar
  const { signal = new AbortController().signal, limits: _, ...rest } = options
  const unpacked = await unpackTar(source, writer, { onForbidden: 'skip', ...rest }, signal)
  return { ...unpacked, bytes: writer.bytes, files: writer.files }
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777)
}

async function listing(place: Place): Promise<string[]> {
  const found = await readdir(place.at('in'), { recursive: true })
  return found.sort()
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ErrandError && error.code === code
}

describe('a guarded tar', () => {
  it('writes files and folders, with plain modes and as our own', async () => {
    await using place = await makePlace()
    const outcome = await unpack(
      place,
      await tarOf([
        { name: 'top/', mode: 0o7777 },
        { name: 'top/data', content: 'x'.repeat(3000), mode: 0o4666, uid: 12345 },
        { name: 'top/run', content: '#!/bin/sh', mode: 0o6755 },
        { name: 'top/deep/er/file', content: '' },
      ]),
    )
    assert.deepEqual(outcome, { bytes: 3009, files: 6, skipped: 0, isOverLimit: false })
    assert.equal(await readFile(place.at('in/top/data'), 'utf8'), 'x'.repeat(3000))
    const stats = await Promise.all(
      ['top', 'top/data', 'top/run', 'top/deep/er'].map((name) => lstat(place.at(`in/${name}`))),
    )
    assert.deepEqual(
      stats.map(({ mode }) => (mode & 0o7777).toString(8)),
      ['755', '644', '755', '755'],
    )
    assert.ok(stats.every(({ uid }) => uid === process.getuid?.()))
  })

  it('puts another name in the place of the first part', async () => {
    await using place = await makePlace()
    await unpack(place, await tarOf([{ name: 'a/' }, { name: 'a/b', content: '1' }]), { topName: 'out' })
    await unpack(place, await tarOf([{ name: 'a', content: '2' }]), { topName: 'single' })
    assert.deepEqual(await listing(place), ['out', 'out/b', 'single'])
  })

  it('takes what `tar -c .` makes', async () => {
    await using place = await makePlace()
    const tar = await tarOf([{ name: './' }, { name: './a/' }, { name: './a/b', content: '1' }])
    assert.equal((await unpack(place, tar, { onForbidden: 'refuse' })).files, 2)
    assert.deepEqual(await listing(place), ['a', 'a/b'])
  })

  it('leaves what is there already as it is, links included', async () => {
    await using place = await makePlace()
    await mkdir(place.at('in'))
    await writeFile(place.at('canary'), 'canary')
    await writeFile(place.at('in/there'), 'before')
    await symlink(place.at('canary'), place.at('in/link'))
    await symlink(place.path, place.at('in/way'))
    const tar = await tarOf(
      ['there', 'link', 'link/x', 'way/canary', 'way/new'].map((name) => ({ name, content: 'evil' })),
    )
    assert.deepEqual(await unpack(place, tar), { bytes: 0, files: 0, skipped: 5, isOverLimit: false })
    assert.equal(await readFile(place.at('canary'), 'utf8'), 'canary')
    assert.equal(await readFile(place.at('in/there'), 'utf8'), 'before')
    assert.deepEqual(await readdir(place.path), ['canary', 'in'])
  })

  it('stops before the file that is too much, and keeps those before it', async () => {
    await using place = await makePlace()
    const tar = await tarOf([
      { name: 'a', content: 'x'.repeat(600) },
      { name: 'b', content: 'x'.repeat(600) },
      { name: 'c', content: 'x' },
    ])
    const outcome = await unpack(place, tar, { limits: { bytes: 1000, files: 10 } })
    assert.deepEqual(outcome, { bytes: 600, files: 1, skipped: 0, isOverLimit: true })
    assert.deepEqual(await listing(place), ['a'])
  })

  it('counts folders that names imply, and things that are left out, against the limit of files', async () => {
    await using place = await makePlace()
    const limits = { bytes: 1000, files: 3 }
    const deep = await unpack(place, await tarOf([{ name: 'a/b/c/d', content: '' }]), { limits })
    assert.deepEqual([deep.files, deep.isOverLimit], [3, true])
    const links = Array.from({ length: 4 }, (_, n) => ({ name: `l${n}`, type: 'symlink', linkname: '/' }) as const)
    const many = await unpack(place, await tarOf(links), { limits })
    assert.deepEqual([many.skipped, many.isOverLimit], [3, true])
  })

  it('reads no more of its source than it needs once a limit is reached', async () => {
    await using place = await makePlace()
    const state = { sent: 0, isClosed: false }
    const head = await tarOf([{ name: 'big', content: Buffer.alloc(100_000) }])
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          state.sent += 1
          yield head
        }
      } finally {
        state.isClosed = true
      }
    }
    const outcome = await unpack(place, endless(), { limits: { bytes: 10, files: 10 } })
    assert.equal(outcome.isOverLimit, true)
    assert.equal(state.isClosed, true)
    assert.ok(state.sent < 10, `${state.sent}`)
  })

  it('keeps no half of a file when its source ends or fails in the middle', async () => {
    const whole = await tarOf([
      { name: 'a', content: 'whole' },
      { name: 'b', content: Buffer.alloc(5000, 'b') },
    ])
    const cut = whole.subarray(0, 512 * 3 + 2000)
    await using ended = await makePlace()
    await assert.rejects(unpack(ended, cut), hasCode('validation_failed'))
    assert.deepEqual(await listing(ended), ['a'])
    await using failed = await makePlace()
    const failure = new ErrandError('engine_unavailable', 'gone', { retryAfterMs: 1 })
    async function* failing(): AsyncGenerator<Buffer> {
      yield cut
      throw failure
    }
    await assert.rejects(unpack(failed, failing()), (error) => error === failure)
    assert.deepEqual(await listing(failed), ['a'])
  })

  it('is left with the reason of an abort, though its source says nothing', async () => {
    await using place = await makePlace()
    const abort = new AbortController()
    const reason = new ErrandError('cancelled', 'enough')
    const cut = (await tarOf([{ name: 'b', content: Buffer.alloc(5000) }])).subarray(0, 3000)
    async function* stalling(): AsyncGenerator<Buffer> {
      yield cut
      abort.abort(reason)
      await new Promise(() => {})
    }
    await assert.rejects(unpack(place, stalling(), { signal: abort.signal }), (error) => error === reason)
    assert.deepEqual(await listing(place), [])
  })

  it('is not compressed, nor anything else', async () => {
    await using place = await makePlace()
    const tar = await tarOf([{ name: 'a', content: 'x' }])
    for (const bytes of [gzipSync(tar), Buffer.from('PK\u0003\u0004'), Buffer.alloc(2000, 'x'), tar.subarray(100)]) {
      await assert.rejects(unpack(place, bytes), hasCode('validation_failed'))
    }
    assert.deepEqual(await listing(place), [])
  })

  it('is refused whole where it may not hold what is left out elsewhere', async () => {
    const entries: TarEntry[] = [
      { name: 'l', type: 'symlink', linkname: 'a' },
      { name: 'l', type: 'link', linkname: 'a' },
      { name: 'f', type: 'fifo' },
      { name: '../x', content: '' },
      { name: 'a', content: 'again' },
    ]
    for (const entry of entries) {
      await using place = await makePlace()
      const tar = await tarOf([{ name: 'a', content: '' }, entry])
      await assert.rejects(unpack(place, tar, { onForbidden: 'refuse' }), hasCode('validation_failed'))
      assert.equal(join(...(await listing(place))), 'a')
    }
  })
})
