import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { ErrandError } from '../../src/core/errors.ts'
import { assertExecutions } from '../support/execution-invariants.ts'
import { FakeRegistry, holding } from '../support/fake-registry.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { TestRegistry } from '../support/registry.ts'
import { scale } from '../support/scale.ts'
import { OUTPUT_BYTES, smallExecution } from '../support/small-executions.ts'

/** An image that is missing is built first. */
const options = { timeout: 600_000, concurrency: 2 }

/** Every point, by the row that it belongs to. What comes before one call comes after another, so that half of them do. */
const POINTS: readonly (readonly [row: string, what: string, fault: string])[] = [
  ['F2', 'before it is accepted', 'before:journal.insert'],
  ['F2', 'when it is accepted', 'after:journal.insert'],
  ['F2', 'when it is queued', 'after:journal.save.queued'],
  ['F2', 'before its image is looked for', 'after:journal.save.pulling'],
  ['F3', 'before its image is asked for', 'before:image.pull'],
  ['F3', 'when its image is there', 'after:image.pull'],
  ['F4', 'before its container is announced', 'after:journal.save.creating'],
  ['F4', 'when its container is announced', 'after:journal.save.creating.create'],
  ['F4', 'when its container is made', 'after:container.create'],
  ['F4', 'before its output is listened to', 'before:log.attach'],
  ['F4', 'when its output is listened to', 'after:log.attach'],
  ['F5', 'when its start is announced', 'after:journal.save.creating.start'],
  ['F5', 'before its container is started', 'before:container.start'],
  ['F5', 'when its container is started', 'after:container.start'],
  ['F5', 'before it is said to run', 'before:journal.save.running'],
  ['F1', 'when it is said to run', 'after:journal.save.running'],
  ['F6', 'before its end is recorded', 'before:journal.save.finalizing'],
  ['F6', 'when its end is recorded', 'after:journal.save.finalizing'],
  ['F6', 'before its output is brought in', 'before:output.collect'],
  ['F6', 'when its output is brought in', 'after:output.collect'],
  ['F6', 'before its result is committed', 'before:journal.save.ended'],
  ['F7', 'when its result is committed', 'after:journal.save.ended'],
  ['F7', 'before its container is removed', 'before:container.remove'],
  ['F7', 'when its container is removed', 'after:container.remove'],
]

describe('a daemon killed', options, () => {
  let image = ''
  let registry: TestRegistry

  before(async () => {
    image = await ensureImage('busybox')
    registry = await TestRegistry.open()
  })

  after(async () => {
    await registry[Symbol.asyncDispose]()
  })

  const tried = POINTS.filter(([, , fault]) => fault.startsWith('after') || fault === 'before:journal.insert')
  for (const [row, what, fault] of scale(tried, POINTS)) {
    test(`${row}: ${what} (${fault}) leaves the next one to bring the execution to its own end, once`, async () => {
      await using node = await MortalNode.make()
      const used = row === 'F3' ? await registry.push(image, fault.replaceAll(':', '-')) : image
      const { id, body, meant } = smallExecution('one', used, { exitCode: 3, hasOutput: true })
      await node.startWithFault(fault)
      const ended = node.ask(async (client) => {
        await client.submit(body, 'key')
        return client.wait(id)
      })
      // Once its result is committed its caller may have it, too.
      const early = ended.then(({ message }) => (row === 'F7' ? node.died() : assert.fail(`nobody died: ${message}`)))
      await Promise.race([node.died(), early])
      await node.start()
      const { outputs, times } = await ended
      assert.deepEqual(
        outputs.map(({ name, bytes, files }) => ({ name, bytes, files })),
        [{ name: 'result', bytes: OUTPUT_BYTES, files: 1 }],
      )
      assert.deepEqual(Object.values(times), Object.values(times).toSorted(), 'times are in order')
      await node.served.assertInvariants()
      await assertExecutions(node, new Map([[id, meant]]))
    })
  }

  test('I5: when its end is announced (before:container.signal) leaves the next one to end the execution', async () => {
    await using node = await MortalNode.make()
    const { id, body } = smallExecution('one', image, { seconds: 600 })
    await node.startWithFault('before:container.signal')
    await node.client.submit(body, 'key')
    await node.client.until(id, 'running')
    // It is answered when that is recorded, and then comes the signal: the answer and the death go side by side.
    const told = node.client.cancel(id).catch((error: unknown) => {
      assert.equal(ErrandError.from(error).code, 'node_unavailable')
    })
    await node.died()
    await told
    await node.start()
    const { status, exitCode } = await node.client.wait(id)
    assert.deepEqual([status, exitCode, await node.starts.of(id)], ['cancelled', 143, 1])
  })

  test('whose files are removed by hand leaves the next one to make them anew', async () => {
    await using node = await MortalNode.make()
    const { id, body, meant } = smallExecution('one', image, { seconds: 2, exitCode: 4 })
    await node.start()
    await node.client.submit(body, 'key')
    await node.client.until(id, 'running')
    await node.kill()
    await rm(join(node.home.stateDir, 'executions', id), { recursive: true })
    await node.start()
    await node.client.wait(id)
    await assertExecutions(node, new Map([[id, meant]]))
  })

  test('F3: in the middle of a pull leaves the next one to ask again, once for all who wait for the image', async () => {
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const answered = Promise.withResolvers<void>()
    const pending = asked.values()
    const hold = (): Promise<void> => {
      pending.next().value?.resolve()
      return answered.promise
    }
    await registry.push(image, 'stalled')
    await using stalled = await FakeRegistry.open(holding(registry.host, hold))
    await using node = await MortalNode.make()
    const both = ['one', 'two'].map((id) => smallExecution(id, `${stalled.host}/stalled`, { exitCode: 2 }))
    await node.start()
    for (const { id, body } of both) await node.client.submit(body, id)
    await asked[0]?.promise
    await node.kill()
    await node.start()
    await asked[1]?.promise
    for (const { id } of both) assert.equal((await node.client.get(id)).status, 'pulling')
    answered.resolve()
    for (const { id } of both) await node.client.wait(id)
    await assertExecutions(node, new Map(both.map(({ id, meant }) => [id, meant])))
    assert.equal(node.served.log.entries.filter(({ msg }) => msg === 'pulling an image').length, 1)
  })
})
