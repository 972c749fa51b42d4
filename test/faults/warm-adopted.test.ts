import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { docker } from '../support/engine-host.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'
import { buildTask } from '../support/versioned-task.ts'

const ADOPTED = 'took up warm instances that an earlier daemon left'
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

type Request = Awaited<ReturnType<typeof puppetRequest>>

/** Each size of memory is a task of its own. */
const puppet = (mem: number): Promise<Request> => puppetRequest({ print: 'warm' }, mem)

const ofImage = (id: string): Request => ({ id, resource: { cpu: 0.5, mem: 64 }, input: 'hello' })

async function warm(node: ServeProcess, ...requests: readonly Request[]): Promise<void> {
  for (const request of requests) {
    const answer = await node.execute(request)
    assert.equal(answer.success, true, answer.msg)
  }
}

async function kill(node: ServeProcess): Promise<void> {
  node.signal('SIGKILL')
  assert.deepEqual(await node.ended, { code: null, signal: 'SIGKILL' })
}

/** Which containers there are, and since when each runs. */
async function lives(home: Home): Promise<string[]> {
  const containers = await home.containers()
  return containers.length === 0 ? [] : docker('inspect', '--format', '{{.Id}} {{.State.StartedAt}}', ...containers)
}

/** Of instances that were not taken up; resolves when they are gone, and nothing leases what they held. */
async function whyRemoved(node: ServeProcess): Promise<string[]> {
  const removed = node.log.entries.filter(({ msg }) => msg.startsWith('removing a warm instance'))
  for (const { instance } of removed) await node.log.entry('removed an instance', { instance })
  await node.assertInvariants()
  return removed.map(({ code }) => String(code)).toSorted((a, b) => a.localeCompare(b))
}

function assertNew(now: readonly string[], before: readonly string[]): void {
  assert.equal(now.length, before.length)
  assert.deepEqual(
    now.filter((life) => before.includes(life)),
    [],
  )
}

/** Leaves warm instances by kill -9, waits for `meanwhile`, and starts the next daemon with `settings`. */
async function restarted(
  home: Home,
  requests: readonly Request[],
  meanwhile: () => Promise<unknown> = async () => {},
  settings: readonly string[] = [],
): Promise<{ next: ServeProcess; before: string[] }> {
  await using killed = await home.serve()
  await warm(killed, ...requests)
  const before = await lives(home)
  await kill(killed)
  await meanwhile()
  return { next: await home.serve({ settings }), before }
}

test(
  'warm instances on ports and sockets answer for the next daemon after kill -9, without a start',
  options,
  async (t) => {
    await using home = await Home.make()
    const requests = [await puppet(64), await puppet(65), ofImage(await ensureImage('echo-socket'))]
    const { next, before } = await restarted(home, requests)
    await using node = next
    assert.equal(before.length, 3)
    await node.log.entry(ADOPTED, { instances: 3 })
    await node.assertInvariants()

    const startedMs = performance.now()
    await warm(node, ...requests.slice(0, 1))
    t.diagnostic(`first warm answer after ${Math.round(performance.now() - startedMs)} ms`)
    await warm(node, ...requests)
    assert.deepEqual(await lives(home), before, 'the same containers, which ran on')
    await node[Symbol.asyncDispose]()
    assert.deepEqual(await home.traces(), [], 'a clean stop removes them')
  },
)

test('instances are taken up again and again, by one daemon after the other', options, async () => {
  await using home = await Home.make()
  const request = await puppet(64)
  const { next, before } = await restarted(home, [request])
  await using killed = next
  await warm(killed, request)
  await kill(killed)
  await using last = await home.serve()
  await warm(last, request)
  assert.deepEqual(await lives(home), before)
})

test(
  'an instance that ended while no daemon was there is removed, and the next request gets a new one',
  options,
  async () => {
    await using home = await Home.make()
    const request = await puppet(64)
    const end = async (): Promise<unknown> => docker('kill', ...(await home.containers()))
    const { next, before } = await restarted(home, [request], end)
    await using node = next
    assert.equal((await whyRemoved(node)).length, 1)
    await warm(node, request)
    assertNew(await lives(home), before)
  },
)

test('F33: an instance that was taken up and is removed by hand is followed by a new one', options, async () => {
  await using home = await Home.make()
  const request = await puppet(64)
  const { next, before } = await restarted(home, [request])
  await using node = next
  await docker('rm', '--force', ...(await home.containers()))
  await node.log.entry('the instance was removed from outside')
  await node.assertInvariants()
  await warm(node, request)
  assertNew(await lives(home), before)
})

test('one that was frozen, or is off its network, is not taken up', options, async () => {
  await using home = await Home.make()
  const requests = [await puppet(64), await puppet(65)]
  const { next, before } = await restarted(home, requests, async () => {
    const [frozen = '', cutOff = ''] = await home.containers()
    const [network = ''] = (await home.traces()).filter((trace) => trace.startsWith('network '))
    await docker('pause', frozen)
    await docker('network', 'disconnect', '--force', network.slice('network '.length), cutOff)
  })
  await using node = next
  assert.deepEqual(await whyRemoved(node), ['network_unavailable', 'task_gone'])
  await warm(node, ...requests)
  assertNew(await lives(home), before)
})

test('one whose image name means another image now is replaced', options, async () => {
  await using home = await Home.make()
  await using older = await buildTask('older')
  await using newer = await buildTask('newer')
  const name = `errand-test/adopted:${process.pid}`
  await docker('tag', older.id, name)
  try {
    const { next } = await restarted(home, [ofImage(name)], () => docker('tag', newer.id, name))
    await using node = next
    assert.deepEqual(await whyRemoved(node), ['task_gone'])
    assert.equal((await node.execute(ofImage(name))).msg, 'newer')
  } finally {
    await docker('rmi', name)
  }
})

test('a smaller grant keeps as many as have room', options, async () => {
  await using home = await Home.make()
  const requests = [await puppet(64), await puppet(65), await puppet(66)]
  const { next } = await restarted(home, requests, undefined, ['mem=150'])
  await using node = next
  await node.log.entry(ADOPTED, { instances: 2 })
  assert.deepEqual(await whyRemoved(node), ['resources_exhausted'])
  assert.equal((await lives(home)).length, 2)
})

test('one that was made for another network is not taken up', options, async () => {
  await using home = await Home.make()
  const request = await puppet(64)
  const { next, before } = await restarted(home, [request], undefined, ['docker.network=bridge'])
  await using node = next
  assert.deepEqual(await whyRemoved(node), ['task_gone'])
  await warm(node, request)
  assertNew(await lives(home), before)
})

test('one that had not become ready when its daemon was killed is removed', options, async () => {
  await using home = await Home.make()
  await using killed = await home.serve({ flags: ['--log-level', 'debug'] })
  const asked = killed.execute(ofImage(await ensureImage('never-ready'))).catch(() => 'cut off')
  await killed.log.entry('an instance moved', { to: 'starting' })
  await kill(killed)
  assert.equal(await asked, 'cut off')
  await using node = await home.serve()
  assert.equal((await whyRemoved(node)).length, 1)
  assert.deepEqual(await lives(home), [])
})
