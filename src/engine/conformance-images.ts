import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { fullName, parseImageReference } from '../core/image-reference.ts'
import type { ConformanceTest } from './conformance-bench.ts'
import type { Image } from './engine.ts'

/** Finding, naming and removing images. Pulls need a registry: an engine's own tests have them. */
export const IMAGE_TESTS: Record<string, ConformanceTest> = {
  async 'an image that is found is listed with the same facts'(bench) {
    const { engine, images, signal } = bench
    const found = await engine.images.find({ kind: 'id', id: images.waits }, signal)
    assert.ok(found)
    const listed = (await engine.images.list(signal)).find(({ id }) => id === images.waits)
    assert.ok(listed)
    assert.deepEqual(toTimeless(listed), toTimeless(found))
    assert.ok(found.sizeBytes > 0)
  },

  async 'an image that a sandbox uses, even one that does not run, is not removed'(bench) {
    const { engine, images, signal } = bench
    await bench.create(images.waits)
    assert.equal(await engine.images.remove({ kind: 'id', id: images.waits }, signal), 'in_use')
    assert.equal((await engine.images.find({ kind: 'id', id: images.waits }, signal))?.id, images.waits)
  },

  async 'removing a name that there is not changes nothing'(bench) {
    const reference = parseImageReference('errand-conformance/absent:1')
    assert.equal(await bench.engine.images.remove(reference, bench.signal), 'absent')
  },

  async 'a new name is told by an event, is found, and goes alone when another is left'(bench) {
    const { engine, images, signal } = bench
    const name = `errand-conformance/${randomBytes(8).toString('hex')}:1`
    const reference = parseImageReference(name)
    for await (const { kind } of engine.images.events(signal)) {
      if (kind === 'listening') await bench.tag(images.waits, name)
      else if ((await engine.images.find(reference, signal)) !== undefined) break
    }
    const found = await engine.images.find(reference, signal)
    assert.equal(found?.id, images.waits)
    assert.ok(found.tags.includes(fullName(reference)))
    assert.equal(await engine.images.remove(reference, signal), 'removed')
    assert.equal(await engine.images.find(reference, signal), undefined)
    assert.equal((await engine.images.find({ kind: 'id', id: images.waits }, signal))?.id, images.waits)
  },
}

/** Lists tell whole seconds; the order of names means nothing. */
function toTimeless({ id, tags, digests, sizeBytes }: Image): object {
  return { id, tags: tags.toSorted(), digests: digests.toSorted(), sizeBytes }
}
