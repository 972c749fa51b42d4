import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import type { SandboxRef } from '../../src/engine/engine.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { startDaemon } from '../support/daemon.ts'

const TASKS = 4 * availableParallelism()

/** Knows how many sandboxes are between the beginning of their creation and the end of their start. */
class CrowdedEngine extends FakeEngine {
  atOnce = 0
  mostAtOnce = 0

  override async create(...args: Parameters<FakeEngine['create']>): Promise<SandboxRef> {
    this.atOnce += 1
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    return super.create(...args)
  }

  override async start(...args: Parameters<FakeEngine['start']>): Promise<void> {
    await super.start(...args)
    this.atOnce -= 1
  }
}

test('as many tasks are created and started at once as there are cores, and no more', { timeout: 60_000 }, async () => {
  const engine = new CrowdedEngine()
  const images = Array.from({ length: TASKS }, (_, index) => `task-${index}`)
  for (const image of images) {
    const delaysMs = { create: 10, start: 10 }
    engine.addImage(image, { mark: 'meca-init-done', delaysMs, serve: (_request, response) => response.end(image) })
  }
  await using node = await startDaemon([`resources.cpuOvercommit=${TASKS}`], { openEngine: async () => engine })
  const answers = await Promise.all(
    images.map((id) => node.execute({ id, resource: { cpu: 0.1, mem: 64 }, input: '' })),
  )
  assert.deepEqual(
    answers.map(({ msg }) => msg),
    images,
  )
  assert.equal(engine.mostAtOnce, availableParallelism())
})
