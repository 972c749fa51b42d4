import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MecaAnswer } from '../support/daemon.ts'
import { Puppet, puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const PAUSING = 'the node is paused; waiting for requests under way'
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

/** A warm puppet that holds one request. */
async function holdOne(home: Home, node: ServeProcess): Promise<{ puppet: Puppet; held: Promise<MecaAnswer> }> {
  assert.deepEqual(await node.execute(await puppetRequest({ print: 'warm' })), { success: true, msg: '' })
  const [container = ''] = await home.containers()
  const puppet = await Puppet.in(container)
  const held = node.execute(await puppetRequest({ hold: true }))
  await puppet.holds(1)
  return { puppet, held }
}

test('a pause waits for the request in flight and answers once every container is gone', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve()
  const { puppet, held } = await holdOne(home, node)
  const containers = await home.containers()
  const pausing = node.post('/pause').then(async (answer) => ({ answer, left: await home.containers() }))
  await node.log.entry(PAUSING)

  const refused = await node.execute(await puppetRequest({ print: 'no' }))
  assert.deepEqual([refused.success, refused.code], [false, 'paused'])
  const stats = await node.get('/stats')
  assert.deepEqual([stats.success, stats.code], [false, 'paused'])
  const again = node.post('/pause')
  assert.deepEqual(await home.containers(), containers, 'nothing is removed under a request')

  await puppet.free()
  assert.deepEqual(await held, { success: true, msg: 'freed' })
  const { answer, left } = await pausing
  assert.deepEqual([answer.success, left], [true, []])
  assert.equal((await again).success, true)
  assert.equal((await node.post('/pause')).success, true, 'a node at rest can be paused again')
})

test('an unpause while a pause waits ends the pause, whose caller is told so', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve()
  const { puppet, held } = await holdOne(home, node)
  const pausing = node.post('/pause')
  await node.log.entry(PAUSING)
  assert.equal((await node.post('/unpause')).success, true)
  const { success, code } = await pausing
  assert.deepEqual([success, code], [false, 'cancelled'])
  const containers = await home.containers()
  assert.equal((await node.execute(await puppetRequest({ print: 'taken' }))).success, true)
  await puppet.free()
  assert.deepEqual(await held, { success: true, msg: 'freed' })
  assert.deepEqual(await home.containers(), containers, 'the warm instance stayed')
})

test('after a pause work is taken again, and idle instances still end by their keep-alive', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: ['timeout=0.02', 'log.level=debug'] })
  const request = await puppetRequest({ print: 'warm' })
  await node.execute(request)
  const [before] = await home.containers()
  await node.post('/pause')
  await node.post('/unpause')
  assert.equal((await node.execute(request)).success, true)
  const [after] = await home.containers()
  assert.notEqual(after, before)
  const { instance } = await node.log.entry('removing an instance', { why: 'its keep-alive is over' })
  await node.log.entry('an instance moved', { instance, to: 'gone' })
  assert.deepEqual(await home.containers(), [])
  const stats = await node.get('/stats')
  assert.deepEqual([stats.task_used_cpu, stats.task_used_mem], [0, 0])
})
