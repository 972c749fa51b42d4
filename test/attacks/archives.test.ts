import assert from 'node:assert/strict'
import { lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Header } from 'tar-stream'
import { ErrandError } from '../../src/core/errors.ts'
import { Allowance } from '../../src/files/allowance.ts'
import { type Unpacked, unpackTar } from '../../src/files/guarded-tar.ts'
import { OpenPath } from '../../src/files/open-path.ts'
import { makePlace, type Place } from '../../src/files/place.fixture.ts'
import { type TarEntry, tarOf } from '../../src/files/tar.fixture.ts'
import { TreeWriter } from '../../src/files/tree-writer.ts'
import { scale } from '../support/scale.ts'

const LIMITS = { bytes: 200_000, files: 200 }
const KINDS = ['skip', 'refuse'] as const
/** Of a test, not of a thing under test. */
const HANGING_MS = 60_000

/** A folder to unpack into, between others that nothing may come into. */
async function makeTarget(): Promise<Place> {
  const place = await makePlace()
  await mkdir(place.at('in'))
  await mkdir(place.at('in-evil'))
  await writeFile(place.at('canary'), 'canary')
  return place
}

async function unpack(
  place: Place,
  bytes: Buffer,
  onForbidden: (typeof KINDS)[number],
): Promise<Unpacked & { bytes: number }> {
  using root = await OpenPath.open(place.at('in'), true)
  const writer = new TreeWriter(root, new Allowance(LIMITS))
  async function* whole(): AsyncGenerator<Buffer> {
    yield bytes
  }
  const unpacked = await unpackTar(whole(), writer, { onForbidden }, AbortSignal.timeout(HANGING_MS))
  return { ...unpacked, bytes: writer.bytes }
}

/** Nothing came out of the folder, and nothing in it is anything but a plain file or folder of ours, within the limits. */
async function assertGuarded(place: Place): Promise<void> {
  assert.deepEqual((await readdir(place.path)).sort(), ['canary', 'in', 'in-evil'])
  assert.deepEqual(await readdir(place.at('in-evil')), [])
  assert.equal(await readFile(place.at('canary'), 'utf8'), 'canary')
  const names = await readdir(place.at('in'), { recursive: true })
  const all = await Promise.all(names.map((name) => lstat(place.at(`in/${name}`))))
  assert.ok(all.length <= LIMITS.files)
  for (const stats of all) {
    assert.ok(stats.isFile() || stats.isDirectory())
    assert.ok(!stats.isFile() || stats.nlink === 1)
    assert.equal(stats.mode & 0o7000, 0)
    assert.equal(stats.uid, process.getuid?.())
  }
  const bytes = all.reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0)
  assert.ok(bytes <= LIMITS.bytes, `${bytes}`)
}

const HOSTILE_NAMES = [
  ['../evil', '..', '../', './../evil', 'a/../../evil', 'a/..', '/etc/evil', '/', '//evil', 'a//b', 'a/./b', '././a'],
  ['../in-evil/x', 'in/../../in-evil/x', 'a\nb', 'a\u0001', 'a\u007f', 'a\u0085', '..\n'],
  ['x'.repeat(256), `${'d/'.repeat(101)}x`, `${'long-enough/'.repeat(400)}x`],
].flat()

const FORBIDDEN: readonly TarEntry[] = [
  ...HOSTILE_NAMES.map((name) => ({ name, content: 'evil', type: 'file' }) as const),
  ...HOSTILE_NAMES.map((name) => ({ name, type: 'directory' }) as const),
  ...(['symlink', 'link'] as const).flatMap((type) =>
    ['/etc/passwd', '../canary', '..', '/', 'top/file', '.'].map((linkname) => ({ name: 'link', type, linkname })),
  ),
  ...(['fifo', 'character-device', 'block-device', 'contiguous-file'] as const).map((type) => ({
    name: 'special',
    type,
  })),
  { name: 'sparse', content: '1\n0\n512\n', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'x' } },
  { name: 'top/file', content: 'twice' },
  { name: 'top/file/below', content: 'below a file' },
  { name: 'top', content: 'a file in the place of a folder' },
]

test('A7: what is no plain file or folder with a plain name is left out, or its archive refused', async () => {
  const good: TarEntry[] = [{ name: 'top/' }, { name: 'top/file', content: 'good' }]
  for (const entry of FORBIDDEN) {
    const what = JSON.stringify(entry).slice(0, 200)
    const tar = await tarOf([...good, entry, { name: 'last', content: 'good' }])
    await using lenient = await makeTarget()
    const { skipped } = await unpack(lenient, tar, 'skip')
    assert.equal(skipped, 1, what)
    await assertGuarded(lenient)
    assert.deepEqual((await readdir(lenient.at('in'), { recursive: true })).sort(), ['last', 'top', 'top/file'], what)
    await using strict = await makeTarget()
    await assert.rejects(unpack(strict, tar, 'refuse'), isOurs, what)
    await assertGuarded(strict)
  }
})

test('A7: a link that came first leads nothing that comes later anywhere', async () => {
  for (const linkname of ['..', '../in-evil', '/tmp', '.']) {
    await using place = await makeTarget()
    const link = { name: 'way', type: 'symlink', linkname } as const
    const tar = await tarOf([link, { name: 'way/evil', content: 'x' }, { name: 'way/canary', content: 'x' }])
    await unpack(place, tar, 'skip')
    await assertGuarded(place)
    assert.deepEqual((await readdir(place.at('in'), { recursive: true })).sort(), ['way', 'way/canary', 'way/evil'])
  }
})

test('A7: an entry that says it is huge is over the limit before a byte of it is written', async () => {
  for (const size of [LIMITS.bytes + 1, 2 ** 33, 2 ** 52]) {
    await using place = await makeTarget()
    const tar = await tarOf([
      { name: 'small', content: '1' },
      { name: 'huge', content: '2' },
    ])
    setSize(tar.subarray(1024, 1536), size)
    const { isOverLimit, bytes } = await unpack(place, tar, 'skip')
    assert.deepEqual([isOverLimit, bytes, await readdir(place.at('in'))], [true, 1, ['small']])
  }
})

test('A7: headers that are no headers are refused', async () => {
  const tar = await tarOf([{ name: 'a', content: 'x' }])
  const broken: Record<string, (tar: Buffer) => void> = {
    'a wrong checksum': (bytes) => bytes.write('0', 150),
    'an unknown format': (bytes) => rewrite(bytes, () => bytes.write('nothing', 257)),
    'a size that is no number': (bytes) => rewrite(bytes, () => bytes.write('zzzzzzzzzzz', 124)),
    'a size below zero': (bytes) => rewrite(bytes, () => bytes.fill(0xff, 124, 136)),
    'a long name without end': (bytes) => endless(bytes, 'L'),
    'an extended header without end': (bytes) => endless(bytes, 'x'),
  }
  for (const [what, change] of Object.entries(broken)) {
    for (const kind of KINDS) {
      await using place = await makeTarget()
      const bytes = Buffer.from(tar)
      change(bytes)
      await assert.rejects(unpack(place, bytes, kind), isOurs, what)
      await assertGuarded(place)
    }
  }
})

const names = fc.oneof(
  fc.constantFrom(...HOSTILE_NAMES, 'a', 'a/b', 'a/b/c', 'A', 'ä', 'b/'),
  fc
    .array(fc.constantFrom('..', '.', '', 'a', 'b', 'in', 'in-evil', 'canary', '\0', '\n'), { maxLength: 6 })
    .map((parts) => parts.join('/')),
  fc.string({ unit: 'binary', maxLength: 300 }),
)
const types = fc.constantFrom<Header['type']>(
  ...(['file', 'directory', 'symlink', 'link', 'fifo', 'block-device', 'contiguous-file'] as const),
)
const entries = fc.record({
  name: names.filter((name) => name !== ''),
  type: types,
  linkname: names,
  mode: fc.nat(0o7777),
  content: fc.string({ maxLength: 2000 }),
})

test('A7: no archive writes anywhere else, or fails in any other way than as ours', { timeout: 300_000 }, async () => {
  const archive = fc.array(entries, { maxLength: 8 })
  const property = fc.asyncProperty(archive, fc.constantFrom(...KINDS), async (list, kind) => {
    const packable = list.map((entry) => (entry.type === 'file' ? entry : { ...entry, content: '' }))
    await assertUnpacksGuarded(await tarOf(packable), kind)
  })
  await fc.assert(property, { numRuns: scale(300, 5000) })
})

test('A7: nor does an entry of a size that is no number, which the parser would wait for', {
  timeout: 20_000,
}, async () => {
  for (const type of ['0', '1', '5', '7', 'x', 'L']) {
    const tar = await tarOf([{ name: 'file', content: 'abc' }])
    tar[124] = 0xbc
    tar[156] = type.charCodeAt(0)
    setSum(tar.subarray(0, 512))
    await using place = await makeTarget()
    await assert.rejects(unpack(place, tar, 'skip'), isOurs, type)
    await assertGuarded(place)
  }
})

test('A7: nor does what has been damaged on the way', { timeout: 300_000 }, async () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 })
  const archive = fc.array(entries, { minLength: 1, maxLength: 5 })
  const property = fc.asyncProperty(archive, damage, fc.boolean(), fc.nat(), async (list, hits, keepsSums, cut) => {
    const packable = list.map((entry) => (entry.type === 'file' ? entry : { ...entry, content: '' }))
    const tar = await tarOf(packable)
    for (const [at, value] of hits) tar[at % tar.length] = value
    if (keepsSums) for (let at = 0; at + 512 <= tar.length; at += 512) setSum(tar.subarray(at, at + 512))
    await assertUnpacksGuarded(tar.subarray(0, cut % 3 === 0 ? cut % tar.length : tar.length), 'skip')
  })
  await fc.assert(property, { numRuns: scale(300, 5000) })
})

async function assertUnpacksGuarded(tar: Buffer, kind: (typeof KINDS)[number]): Promise<void> {
  await using place = await makeTarget()
  try {
    await unpack(place, tar, kind)
  } catch (error) {
    assert.ok(isOurs(error), String(error))
  }
  await assertGuarded(place)
}

function isOurs(error: unknown): boolean {
  return error instanceof ErrandError && error.code === 'validation_failed'
}

function rewrite(header: Buffer, change: () => void): void {
  change()
  setSum(header.subarray(0, 512))
}

/** A header of headers, which would have to be held whole. */
function endless(header: Buffer, type: string): void {
  header.write(type, 156)
  setSize(header, 2 ** 40)
}

/** In base 256, as GNU tar writes what octal digits cannot. */
function setSize(header: Buffer, size: number): void {
  header.fill(0, 124, 136)
  header.writeBigUInt64BE(BigInt(size), 128)
  header[124] = 0x80
  setSum(header)
}

/** Only where there is one, so that zeros stay the end of an archive. */
function setSum(header: Buffer): void {
  if (header.every((byte) => byte === 0)) return
  header.fill(' ', 148, 156)
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
}
