import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { Allowance } from './allowance.ts'
import { makePlace, type Place } from './place.fixture.ts'
import { type TarEntry, tarOf } from './tar.fixture.ts'
import { receiveUpload } from './upload.ts'

const NEVER = new AbortController().signal
const NAMES = new Map([
  ['data', false],
  ['model', true],
])
const GOOD: readonly TarEntry[] = [
  { name: 'data/' },
  { name: 'data/a', content: 'a', mode: 0o600 },
  { name: 'data/run', content: '#!/bin/sh', mode: 0o700 },
  { name: 'model', content: 'weights', mode: 0o400 },
]

interface Attempt {
  readonly allowance?: Allowance
  readonly signal?: AbortSignal
}

async function receive(
  place: Place,
  tar: AsyncIterable<Uint8Array>,
  { allowance = new Allowance({ bytes: 1000, files: 10 }), signal = NEVER }: Attempt = {},
): Promise<Allowance> {
  await mkdir(place.at('root'), { recursive: true })
  const to = { folder: place.at('root/uploads/one'), root: place.at('root'), allowance, names: NAMES }
  await receiveUpload(tar, to, signal)
  return allowance
}

async function* stream(...parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts
}

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error) => error instanceof ErrandError && error.code === code)
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

describe('an upload', () => {
  test('is whole, and open to every user of the sandbox that it is for, whatever the umask', async () => {
    await using place = await makePlace()
    const umask = process.umask(0o077)
    try {
      const { taken } = await receive(place, stream(await tarOf(GOOD)))
      assert.deepEqual(taken, { bytes: 17, files: 4 })
    } finally {
      process.umask(umask)
    }
    const at = (name: string): string => place.at(`root/uploads/one/${name}`)
    assert.equal(await readFile(at('data/a'), 'utf8'), 'a')
    assert.equal(await readFile(at('model'), 'utf8'), 'weights')
    const modes = await Promise.all(['', 'data', 'data/a', 'data/run', 'model'].map((name) => modeOf(at(name))))
    assert.deepEqual(modes, ['700', '755', '644', '755', '666'])
  })

  test('that lacks something or brings something else leaves nothing, and holds nothing', async () => {
    await using place = await makePlace()
    const bad: readonly (readonly TarEntry[])[] = [
      GOOD.slice(0, 3),
      [...GOOD, { name: 'other', content: 'x' }],
      [...GOOD, { name: 'data/link', type: 'symlink', linkname: '/etc/passwd' }],
      [...GOOD, { name: 'data/../../x', content: 'x' }],
      [...GOOD, { name: 'data/a', content: 'again' }],
      [],
    ]
    for (const entries of bad) {
      const allowance = new Allowance({ bytes: 1000, files: 10 })
      await refused(receive(place, stream(await tarOf(entries)), { allowance }), 'validation_failed')
      assert.deepEqual(allowance.taken, { bytes: 0, files: 0 })
      assert.deepEqual(await readdir(place.at('root/uploads')), [])
    }
  })

  test('that is cut off, too much, or given up leaves nothing', async () => {
    await using place = await makePlace()
    const tar = await tarOf(GOOD)
    await refused(receive(place, stream(tar.subarray(0, 1200))), 'validation_failed')
    const small = new Allowance({ bytes: 5, files: 10 })
    await refused(receive(place, stream(tar), { allowance: small }), 'validation_failed')
    const short = new Allowance({ bytes: 1000, files: 10 }, new Allowance({ bytes: 5, files: 10 }))
    await refused(receive(place, stream(tar), { allowance: short }), 'storage_full')
    const leaving = new AbortController()
    const endless = (async function* () {
      yield tar.subarray(0, 512)
      leaving.abort(new ErrandError('cancelled', 'the caller left'))
      await new Promise(() => {})
    })()
    await refused(receive(place, endless, { signal: leaving.signal }), 'cancelled')
    assert.deepEqual(await readdir(place.at('root/uploads')), [])
  })
})
