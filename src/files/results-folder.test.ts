import assert from 'node:assert/strict'
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { refusesField } from '../core/refused-field.fixture.ts'
import { makePlace, type Place } from './place.fixture.ts'
import { discardTree, removeTree } from './remove-tree.ts'
import {
  type Collection,
  type CollectionSource,
  checkOutputs,
  collectOutputs,
  takeResultsFolder,
} from './results-folder.ts'
import { type TarEntry, tarOf } from './tar.fixture.ts'

const LIMITS = { bytes: 1000, files: 100 }
const never = new AbortController().signal

/** Hands out these archives by path. */
function sourceOf(folder: string, archives: Readonly<Record<string, readonly TarEntry[] | Error>>): CollectionSource {
  return {
    ref: { name: 'sandbox', id: '1' },
    folder,
    engine: {
      async *collect(_ref, path) {
        const archive = archives[path] ?? new ErrandError('not_found', 'no such path')
        if (archive instanceof Error) throw archive
        yield await tarOf(archive)
      },
    },
  }
}

function collect(
  place: Place,
  archives: Readonly<Record<string, readonly TarEntry[] | Error>>,
  names: Readonly<Record<string, string>>,
  limits: typeof LIMITS = LIMITS,
): Promise<Collection> {
  const outputs = Object.entries(names).map(([path, name]) => ({ path, name }))
  return collectOutputs(sourceOf(place.path, archives), outputs, limits, never)
}

describe('outputs', () => {
  it('are brought in under their names, files as well as folders', async () => {
    await using place = await makePlace()
    const archives = {
      '/out/d': [
        { name: 'd/' },
        { name: 'd/x', content: '12' },
        { name: 'd/l', type: 'symlink', linkname: '/etc' } as const,
      ],
      '/out/f': [{ name: 'f', content: '345' }],
    }
    const { outputs, warnings, isOverLimit } = await collect(place, archives, { '/out/d': 'folder', '/out/f': 'file' })
    assert.deepEqual(outputs, [
      { path: '/out/d', name: 'folder', file: 'folder', bytes: 2, files: 2, skipped: 1 },
      { path: '/out/f', name: 'file', file: 'file', bytes: 3, files: 1, skipped: 0 },
    ])
    assert.deepEqual([warnings, isOverLimit], [[], false])
    assert.deepEqual((await readdir(place.path, { recursive: true })).sort(), ['file', 'folder', 'folder/x'])
  })

  it('that are missing, no data, broken or in the way of something are warnings', async () => {
    await using place = await makePlace()
    await writeFile(place.at('taken'), 'before')
    const archives = {
      '/link': [{ name: 'link', type: 'symlink', linkname: '/etc/passwd' } as const],
      '/broken': new ErrandError('validation_failed', 'bad'),
      '/taken': [{ name: 'taken', content: 'after' }],
      '/good': [{ name: 'good', content: '' }],
    }
    const names = { '/none': 'none', '/link': 'link', '/broken': 'broken', '/taken': 'taken', '/good': 'good' }
    const { outputs, warnings } = await collect(place, archives, names)
    assert.deepEqual(warnings, [
      'output "none" is not there',
      'output "link" is neither file nor folder',
      'output "broken" could not be read: bad',
      'output "taken" is there already',
    ])
    assert.deepEqual(
      outputs.map(({ name }) => name),
      ['good'],
    )
    assert.equal(await readFile(place.at('taken'), 'utf8'), 'before')
    assert.deepEqual((await readdir(place.path)).sort(), ['good', 'taken'])
  })

  it('F50: share their limits, and what was kept of them is listed', async () => {
    await using place = await makePlace()
    const half = Buffer.alloc(600)
    const archives = {
      '/a': [{ name: 'a', content: half }],
      '/b': [
        { name: 'b/' },
        { name: 'b/small', content: '1' },
        { name: 'b/big', content: half },
        { name: 'b/late', content: '' },
      ],
      '/c': [{ name: 'c', content: '' }],
    }
    const { outputs, warnings, isOverLimit } = await collect(place, archives, { '/a': 'a', '/b': 'b', '/c': 'c' })
    assert.equal(isOverLimit, true)
    assert.deepEqual(
      outputs.map(({ name, bytes, files }) => [name, bytes, files]),
      [
        ['a', 600, 1],
        ['b', 1, 2],
      ],
    )
    assert.deepEqual(warnings, ['output "b" is not whole: it is too much'])
    assert.deepEqual((await readdir(place.path, { recursive: true })).sort(), ['a', 'b', 'b/small'])
  })

  it('F50: are limited in number too', async () => {
    await using place = await makePlace()
    const many = Array.from({ length: 50 }, (_, index) => ({ name: `a/${index}`, content: '' }))
    const { outputs, isOverLimit } = await collect(place, { '/a': many }, { '/a': 'a' }, { bytes: 10, files: 20 })
    assert.deepEqual([isOverLimit, outputs[0]?.files, (await readdir(place.at('a'))).length], [true, 20, 19])
  })

  it('leave nothing when the engine fails or the wait is given up', async () => {
    await using place = await makePlace()
    const failure = new ErrandError('engine_unavailable', 'gone')
    await assert.rejects(collect(place, { '/a': failure }, { '/a': 'a' }), (error) => error === failure)
    const reason = new ErrandError('cancelled', 'enough')
    const source = sourceOf(place.path, { '/a': [{ name: 'a', content: '' }] })
    const collecting = collectOutputs(source, [{ path: '/a', name: 'a' }], LIMITS, AbortSignal.abort(reason))
    await assert.rejects(collecting, (error) => error === reason)
    assert.deepEqual(await readdir(place.path), [])
  })

  it('have paths and names that mean one thing', () => {
    const refused = (path: string, name: string): void => {
      const isRefusal = (error: unknown): boolean => error instanceof ErrandError && error.code === 'validation_failed'
      assert.throws(() => checkOutputs([{ path, name }], ['stdout.log']), isRefusal, JSON.stringify([path, name]))
    }
    for (const path of ['', '/', 'out', '/out/', '/a/../b', '/a//b', '/a\0']) refused(path, 'x')
    for (const name of ['', '.', '..', '.x', 'a/b', 'a\nb', 'stdout.log', 'x'.repeat(256)]) refused('/out', name)
    const twice = [1, 2].map(() => ({ path: '/out', name: 'x' }))
    assert.throws(() => checkOutputs(twice, []), /outputs\.1\.name/)
    checkOutputs([{ path: '/out/a b', name: 'ä b.tar' }], ['stdout.log'])
  })
})

describe('a results folder', () => {
  const isRefusal = refusesField('resultsDir')

  it('is made for us alone, or taken as it is', async () => {
    await using place = await makePlace()
    await takeResultsFolder(place.at('new'), [])
    assert.equal((await lstat(place.at('new'))).mode & 0o777, 0o700)
    await mkdir(place.at('old'), 0o755)
    await takeResultsFolder(place.at('old'), [])
    assert.equal((await lstat(place.at('old'))).mode & 0o777, 0o755)
  })

  it('is nowhere where nothing may be written, and no link', async () => {
    await using place = await makePlace()
    await mkdir(place.at('state'))
    await symlink(place.at('state'), place.at('link'))
    await writeFile(place.at('file'), '')
    const bad = [
      '/',
      '/etc/errand-results',
      '/proc/x',
      place.at('state/x'),
      place.path,
      place.at('link'),
      place.at('link/x'),
    ]
    for (const path of [
      ...bad,
      place.at('file'),
      place.at('file/x'),
      place.at('none/x'),
      'x',
      `${place.path}/a/../b`,
    ]) {
      await assert.rejects(takeResultsFolder(path, [place.at('state')]), isRefusal, path)
    }
    assert.deepEqual(await readdir(place.at('state')), [])
  })
})

describe('removing a tree', () => {
  it('takes all that is in it, and nothing that its links lead to', async () => {
    await using place = await makePlace()
    await mkdir(place.at('tree/a/b'), { recursive: true })
    await mkdir(place.at('outside'))
    await writeFile(place.at('outside/canary'), '')
    await symlink(place.at('outside'), place.at('tree/a/link'))
    await symlink('/none', place.at('tree/broken'))
    await discardTree(place.at('tree'), place.at('trash'))
    await discardTree(place.at('tree'), place.at('trash'))
    assert.deepEqual((await readdir(place.path, { recursive: true })).sort(), ['outside', 'outside/canary', 'trash'])
    await symlink(place.at('outside'), place.at('top'))
    await removeTree(place.at('top'))
    assert.deepEqual(await readdir(place.at('outside')), ['canary'])
  })
})
