import assert from 'node:assert/strict'
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import type { InputMount } from '../core/execution-request.ts'
import { refusesField } from '../core/refused-field.fixture.ts'
import { checkInputs, holdInputs } from './held-inputs.ts'
import { makePlace, type Place } from './place.fixture.ts'

function input(source: string, target = '/in', readOnly?: boolean): InputMount {
  return { type: 'bind', source, target, ...(readOnly !== undefined && { readOnly }) }
}

async function placeWithFolder(): Promise<Place> {
  const place = await makePlace()
  await mkdir(place.at('folder'))
  await writeFile(place.at('folder/file'), 'inside')
  return place
}

describe('inputs', () => {
  it('that are folders are mounted by what was opened, read-only unless said otherwise', async () => {
    await using place = await placeWithFolder()
    const asked = [input(place.at('folder'), '/a'), input(place.at('folder'), '/b', false)]
    using held = await holdInputs(asked, [], place.at('copies'))
    assert.deepEqual(
      held.mounts.map(({ target, ...rest }) => [target, 'isReadOnly' in rest && rest.isReadOnly]),
      [
        ['/a', true],
        ['/b', false],
      ],
    )
    await rename(place.at('folder'), place.at('moved'))
    await mkdir(place.at('folder'))
    for (const mount of held.mounts) {
      const source = 'source' in mount ? mount.source : ''
      assert.match(source, new RegExp(`^/proc/${process.pid}/fd/\\d+$`))
      assert.deepEqual(await readdir(source), ['file'])
    }
  })

  it('that are files are copied, to be read by every user and to run as nobody else', async () => {
    await using place = await placeWithFolder()
    await writeFile(place.at('program'), 'x')
    await chmod(place.at('program'), 0o4711)
    const asked = [input(place.at('folder/file'), '/a'), input(place.at('program'), '/b')]
    using held = await holdInputs(asked, [], place.at('copies'))
    const sources = held.mounts.map((mount) => ('source' in mount ? mount.source : ''))
    assert.deepEqual(sources, [place.at('copies/0'), place.at('copies/1')])
    assert.equal(await readFile(place.at('copies/0'), 'utf8'), 'inside')
    const modes = await Promise.all(['', '/0', '/1'].map(async (name) => (await stat(place.at(`copies${name}`))).mode))
    assert.deepEqual(
      modes.map((mode) => (mode & 0o7777).toString(8)),
      ['700', '444', '555'],
    )
    await assert.rejects(holdInputs([input(place.at('program'), '/b', false)], [], ''), refusesField('inputs.0.source'))
  })

  it('are held until they are disposed, and not at all when one is refused', async () => {
    await using place = await placeWithFolder()
    const descriptors = async (): Promise<number> => (await readdir('/proc/self/fd')).length
    const before = await descriptors()
    const good = input(place.at('folder'), '/a')
    {
      using _held = await holdInputs([good, input(place.at('folder'), '/b')], [], place.at('copies'))
      assert.equal(await descriptors(), before + 2)
    }
    await assert.rejects(holdInputs([good, input(place.at('none'), '/b')], [], ''), refusesField('inputs.1.source'))
    await checkInputs([good], [])
    assert.equal(await descriptors(), before)
  })

  it('have targets apart from each other and from what every sandbox has of its own', async () => {
    await using place = await placeWithFolder()
    const folder = place.at('folder')
    const targets = [
      '/',
      '/proc',
      '/proc/self',
      '/sys',
      '/dev',
      '/dev/shm',
      '/run/errand',
      '/run',
      '/errand/provision',
      '/etc',
    ]
    for (const target of [
      ...targets,
      '/etc/hosts',
      '',
      'in',
      '/in/',
      '/in//x',
      '/in/../x',
      '/in/.',
      '/a\nb',
      '/a\0b',
      '/a:b',
    ]) {
      await assert.rejects(
        checkInputs([input(folder, target)], []),
        refusesField('inputs.0.target'),
        JSON.stringify(target),
      )
    }
    for (const [first, second] of [
      ['/in', '/in'],
      ['/in/deep', '/in'],
      ['/in', '/in/deep'],
    ] as const) {
      const checked = checkInputs([input(folder, first), input(folder, second)], [])
      await assert.rejects(checked, (error) => error instanceof ErrandError && error.code === 'validation_failed')
    }
    await checkInputs(
      [input(folder, '/in'), input(folder, '/in2'), input(folder, '/etc/app'), input(folder, '/data')],
      [],
    )
  })
})
