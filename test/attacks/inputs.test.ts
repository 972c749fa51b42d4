import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ErrandError } from '../../src/core/errors.ts'
import type { InputMount } from '../../src/core/execution-request.ts'
import { type HeldInputs, holdInputs } from '../../src/files/held-inputs.ts'
import { makePlace, type Place } from '../../src/files/place.fixture.ts'
import { scale } from '../support/scale.ts'
import { ShellBench, shell } from '../support/shell-sandbox.ts'
import { swapFor } from '../support/swapper.ts'

const LOOK = shell('cat /leaf/* /way/* /file')
const AT_A_TIME = 3

/** `leaf` and `way` hold what is to be mounted, `secret` the same names for something else. */
async function makeHost(): Promise<Place> {
  const place = await makePlace()
  for (const [folder, content] of [
    ['leaf', 'good'],
    ['way/sub', 'good'],
    ['secret/sub', 'canary'],
  ] as const) {
    await mkdir(place.at(folder), { recursive: true })
    await writeFile(place.at(`${folder}/file`), content)
  }
  return place
}

function input(source: string, target: string): InputMount {
  return { type: 'bind', source, target }
}

test('A3: a folder swapped for a link after it was checked is mounted as it was', async () => {
  await using place = await makeHost()
  await using sandboxes = await ShellBench.open()
  using held = await holdInputs([input(place.at('leaf'), '/leaf')], [], place.at('copies'))
  await rename(place.at('leaf'), place.at('aside'))
  await symlink(place.at('secret/sub'), place.at('leaf'))
  const { stdout } = await sandboxes.run({ ...shell('cat /leaf/*'), mounts: held.mounts })
  assert.equal(stdout, 'good')
  const byPath = { kind: 'bind', source: place.at('leaf'), target: '/leaf', isReadOnly: true } as const
  const control = await sandboxes.run({ ...shell('cat /leaf/*'), mounts: [byPath] })
  assert.equal(control.stdout, 'canary', 'control: a path is followed when the sandbox starts')
})

test('A3: whatever is swapped on the way, no start mounts what is elsewhere', { timeout: 1_800_000 }, async () => {
  await using place = await makeHost()
  await using sandboxes = await ShellBench.open()
  await using leaf = swapFor(place.at('leaf'), place.at('secret/sub'))
  await using way = swapFor(place.at('way'), place.at('secret'))
  const counts = { mounted: 0, refused: 0 }
  const wanted = scale(50, 1000)
  const startSome = async (lane: number): Promise<void> => {
    for (let turn = 0; counts.mounted < wanted; turn += 1) {
      using held = await tryHold(place, `copies-${lane}-${turn}`)
      if (held === undefined) {
        counts.refused += 1
        continue
      }
      counts.mounted += 1
      const { ref, stdout } = await sandboxes.run({ ...LOOK, mounts: held.mounts })
      await sandboxes.engine.remove(ref, sandboxes.signal)
      assert.equal(stdout, 'goodgoodgood')
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, (_, lane) => startSome(lane)))
  assert.ok(counts.refused > 0, 'no link was ever seen')
  assert.ok(Math.min(leaf.count(), way.count()) > wanted, 'next to nothing was swapped')
})

/** Undefined when a link was in the way just then. */
async function tryHold(place: Place, copies: string): Promise<HeldInputs | undefined> {
  try {
    const paths = { '/leaf': 'leaf', '/way': 'way/sub', '/file': 'way/sub/file' }
    const inputs = Object.entries(paths).map(([target, name]) => input(place.at(name), target))
    return await holdInputs(inputs, [], place.at(copies))
  } catch (error) {
    assert.ok(error instanceof ErrandError && error.code === 'validation_failed', String(error))
    return undefined
  }
}

test('inputs are read-only unless said otherwise, and stay on the host when the sandbox is removed', async () => {
  await using place = await makeHost()
  await using sandboxes = await ShellBench.open()
  const inputs = [
    input(place.at('leaf'), '/in'),
    { ...input(place.at('leaf'), '/out'), readOnly: false },
    input(place.at('leaf/file'), '/file'),
  ]
  using held = await holdInputs(inputs, [], place.at('copies'))
  const script =
    'for f in /in/new /file /out/new; do echo new 2>/dev/null > $f && echo $f; done; grep " /in " /proc/mounts'
  const { ref, stdout } = await sandboxes.run({ ...shell(script), mounts: held.mounts })
  assert.match(stdout, /^\/out\/new\n\S+ \/in \S+ ro,nosuid,nodev/)
  await sandboxes.engine.remove(ref, sandboxes.signal)
  assert.deepEqual((await readdir(place.at('leaf'))).sort(), ['file', 'new'])
  assert.equal(await readFile(place.at('leaf/file'), 'utf8'), 'good')
})
