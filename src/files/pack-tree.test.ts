import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { Allowance } from './allowance.ts'
import { unpackTar } from './guarded-tar.ts'
import { OpenPath } from './open-path.ts'
import { packTree } from './pack-tree.ts'
import { makePlace, type Place } from './place.fixture.ts'
import { TreeWriter } from './tree-writer.ts'

const NEVER = new AbortController().signal
const PLENTY = { bytes: 2 ** 30, files: 100_000 }

async function unpackInto(place: Place, tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  await mkdir(place.at('out'))
  using root = await OpenPath.open(place.at('out'), true)
  await unpackTar(tar, new TreeWriter(root, new Allowance(PLENTY)), { onForbidden: 'refuse' }, NEVER)
  return (await readdir(place.at('out'), { recursive: true })).sort()
}

async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd')).length
}

test('a tree comes out as it was, with long, odd and many names, and without links', async () => {
  await using place = await makePlace()
  const long = 'x'.repeat(200)
  await mkdir(place.at('results/top/empty'), { recursive: true })
  await mkdir(place.at(`results/top/${long}`))
  const big = Buffer.alloc(3_000_000, 'abcdefg')
  await writeFile(place.at(`results/top/${long}/ä`), big)
  await writeFile(place.at('results/top/nothing'), '')
  for (let index = 0; index < 2000; index += 1) await writeFile(place.at(`results/top/empty/${index}`), '')
  await symlink('/etc/passwd', place.at('results/top/link'))
  await writeFile(place.at('results/single'), 'one')
  const trees = ['top', 'single'].map((name) => ({ folder: place.at('results'), parts: [name], name }))
  const names = await unpackInto(place, packTree(trees))
  const expected = (await readdir(place.at('results'), { recursive: true })).filter((name) => !name.endsWith('/link'))
  assert.deepEqual(names, expected.sort())
  assert.ok(big.equals(await readFile(place.at(`out/top/${long}/ä`))))
})

test('what is not there, or is a link, is not found, and the archive is not whole', async () => {
  await using place = await makePlace()
  await mkdir(place.at('results'))
  await symlink('/etc', place.at('results/etc'))
  await symlink('/etc/passwd', place.at('results/passwd'))
  for (const parts of [['none'], ['etc'], ['passwd'], ['etc', 'passwd'], ['..'], ['.'], [''], ['a/b'], ['a\0']]) {
    const reading = Array.fromAsync(packTree([{ folder: place.at('results'), parts, name: 'x' }]))
    await assert.rejects(reading, (error) => error instanceof ErrandError && error.code === 'not_found', String(parts))
  }
})

test('a reader that leaves frees every file', async () => {
  await using place = await makePlace()
  await mkdir(place.at('results/top/deep'), { recursive: true })
  await writeFile(place.at('results/top/deep/big'), Buffer.alloc(5_000_000))
  const before = await openFiles()
  const tar = packTree([{ folder: place.at('results'), parts: ['top'], name: 'top' }])
  let pieces = 0
  for await (const _piece of tar) {
    pieces += 1
    if (pieces === 5) break
  }
  assert.equal(await openFiles(), before)
})
