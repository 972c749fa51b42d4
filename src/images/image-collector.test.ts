import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ManualClock, settle } from '../core/manual-clock.ts'
import type { Image } from '../engine/engine.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import { coded, ImagesBench } from './images-bench.fixture.ts'

const never = new AbortController().signal

/** On a disk of 1000 bytes with the marks 80 and 60 %. */
async function pullAndLetGo(bench: ImagesBench, name: string, imageBytes: number): Promise<Image> {
  const image = bench.engine.addRemoteImage(`registry.example/${name}`, { imageBytes })
  const held = await bench.store.ensure(`registry.example/${name}`, never)
  held[Symbol.dispose]()
  await bench.clock.advance(1000)
  return image
}

async function present(bench: ImagesBench): Promise<string[]> {
  const images = await bench.engine.images.list(never)
  return images.flatMap(({ tags }) => tags.map((tag) => tag.replace(/^.*\/(.*):.*$/, '$1'))).toSorted()
}

describe('F23: images', () => {
  test('are left alone below the high mark', async () => {
    await using bench = await ImagesBench.open()
    for (const name of ['a', 'b', 'c']) await pullAndLetGo(bench, name, 250)
    await bench.collector.collect()
    assert.equal(bench.engine.calls.removeImage, 0)
  })

  test('go down to the low mark once the high one is reached, least recently used first', async () => {
    await using bench = await ImagesBench.open()
    for (const name of ['a', 'b', 'c', 'd']) await pullAndLetGo(bench, name, 200)
    await bench.clock.advance(60_000)
    ;(await bench.store.ensure('registry.example/a', never))[Symbol.dispose]()
    await bench.clock.advance(1000)
    await bench.collector.collect()
    assert.deepEqual(await present(bench), ['a', 'c', 'd'])
    const [removed] = bench.log.factsOf('removed an unused image')
    assert.deepEqual(removed?.names, ['registry.example/b:latest'])
  })

  test('are looked at when the node opens, and every five minutes', async () => {
    await using bench = await ImagesBench.open()
    bench.collector.start()
    for (const name of ['a', 'b', 'c', 'd']) await pullAndLetGo(bench, name, 200)
    assert.equal((await present(bench)).length, 4)
    await bench.clock.advance(300_000)
    assert.equal((await present(bench)).length, 3)
  })

  test('that were used within the least age stay, and the operator is told', async () => {
    await using bench = await ImagesBench.open({ limits: { minAgeMs: 100_000 } })
    for (const name of ['a', 'b', 'c', 'd']) await pullAndLetGo(bench, name, 200)
    await bench.collector.collect()
    assert.equal((await present(bench)).length, 4)
    assert.equal(bench.log.lines.filter(({ message }) => message.includes('nearly full')).length, 1)
  })

  test('that somebody holds, or is about to, stay', async () => {
    await using bench = await ImagesBench.open()
    for (const name of ['a', 'b', 'c', 'd']) await pullAndLetGo(bench, name, 200)
    await bench.store.ensure('registry.example/a', never)
    const stalled = bench.engine.stall('find')
    const starting = bench.store.ensure('registry.example/b', never)
    await settle()
    const collecting = bench.collector.collect()
    await settle()
    stalled[Symbol.dispose]()
    await Promise.all([starting, collecting])
    assert.deepEqual(await present(bench), ['a', 'b', 'd'])
  })

  test('that a sandbox uses are refused by the engine, and stay', async () => {
    await using bench = await ImagesBench.open()
    const images = []
    for (const name of ['a', 'b', 'c', 'd']) images.push(await pullAndLetGo(bench, name, 200))
    const imageId = images[0]?.id ?? ''
    await bench.engine.create(plainSpec(imageId), { name: 'one', labels: {} }, never)
    await bench.collector.collect()
    assert.deepEqual(await present(bench), ['a', 'c', 'd'])
    assert.equal(bench.records.all.length, 3)
  })

  test('that we did not pull, or that somebody else named, stay', async () => {
    await using bench = await ImagesBench.open()
    bench.engine.addImage('registry.example/foreign', { imageBytes: 200 })
    const named = await pullAndLetGo(bench, 'named', 200)
    bench.engine.images.tag(named.id, 'theirs/name')
    bench.engine.addRemoteImage('registry.example/alias', { imageBytes: 200 })
    await pullAndLetGo(bench, 'ours', 400)
    await bench.collector.collect()
    assert.deepEqual(await present(bench), ['foreign', 'name', 'named'])
  })

  test('that were here before they were pulled under our name are not ours', async () => {
    await using bench = await ImagesBench.open()
    const brought = bench.engine.addRemoteImage('registry.example/x', {})
    bench.engine.images.tag(brought.id, 'theirs/x')
    await bench.store.ensure('registry.example/x', never)
    assert.deepEqual(bench.records.all, [])
  })

  test('that have lost their name to a newer one go too', async () => {
    await using bench = await ImagesBench.open()
    const old = await pullAndLetGo(bench, 'moving', 400)
    bench.engine.addImage('registry.example/moving', { imageBytes: 500 }, 'new')
    await bench.collector.collect()
    assert.equal(await bench.engine.images.find({ kind: 'id', id: old.id }, never), undefined)
    assert.deepEqual(await present(bench), ['moving'])
  })

  test('are removed to make room for a pull; when that is not enough nothing is pulled', async () => {
    await using bench = await ImagesBench.open({ limits: { minFreeBytes: 700 } })
    await pullAndLetGo(bench, 'a', 200)
    await pullAndLetGo(bench, 'b', 200)
    await pullAndLetGo(bench, 'c', 1)
    assert.deepEqual(await present(bench), ['b', 'c'])
    bench.engine.addImage('registry.example/foreign', { imageBytes: 500 })
    bench.engine.addRemoteImage('registry.example/d', {})
    await assert.rejects(bench.store.ensure('registry.example/d', never), coded('storage_full'))
    assert.deepEqual(await present(bench), ['foreign'])
  })
})

test('a start that comes while its image is removed waits, then pulls it again', async () => {
  await using bench = await ImagesBench.open()
  for (const name of ['a', 'b', 'c', 'd']) await pullAndLetGo(bench, name, 200)
  const stalled = bench.engine.stall('removeImage')
  const collecting = bench.collector.collect()
  await settle()
  const starting = bench.store.ensure('registry.example/a', never)
  await settle()
  stalled[Symbol.dispose]()
  await collecting
  assert.ok((await starting).id)
  assert.deepEqual(await present(bench), ['a', 'b', 'c', 'd'])
  assert.equal(bench.engine.calls.pull, 5)
})

describe('the record of pulled images', () => {
  async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'errand-images-'))
    try {
      await use(folder)
    } finally {
      await rm(folder, { recursive: true })
    }
  }

  test('outlives the node: what an earlier one pulled is collected', () =>
    withFolder(async (folder) => {
      await using engine = new FakeEngine({ clock: new ManualClock() })
      {
        await using first = await ImagesBench.open({ folder, engine })
        for (const name of ['a', 'b', 'c', 'd']) await pullAndLetGo(first, name, 200)
      }
      await using second = await ImagesBench.open({ folder, engine })
      await second.clock.advance(10_000)
      await second.collector.collect()
      assert.deepEqual(await present(second), ['b', 'c', 'd'])
      await second.records[Symbol.asyncDispose]()
      const { images } = JSON.parse(await readFile(join(folder, 'images.json'), 'utf8'))
      assert.equal(images.length, 3)
    }))

  test('that is damaged removes nothing', () =>
    withFolder(async (folder) => {
      await writeFile(join(folder, 'images.json'), '{"version":1,"images":[{"id":"sha2')
      await using bench = await ImagesBench.open({ folder, limits: { highPercent: 1, lowPercent: 0 } })
      bench.engine.addImage('theirs', { imageBytes: 900 })
      await bench.collector.collect()
      assert.deepEqual(await present(bench), ['theirs'])
    }))
})
