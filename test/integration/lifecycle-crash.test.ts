import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { docker } from '../support/engine-host.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const ADOPTED = 'took up warm instances that an earlier daemon left'
const FORGED = 'a sandbox carries our installation label but not our mac; left alone'
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

/** Leaves as many warm instances as are asked for. */
async function warm(node: ServeProcess, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    assert.equal((await node.execute(await puppetRequest({ print: 'warm' }, 64 + i))).success, true)
  }
}

async function kill(node: ServeProcess): Promise<void> {
  node.signal('SIGKILL')
  assert.deepEqual(await node.ended, { code: null, signal: 'SIGKILL' })
}

/** A container that copies every label of another one, mac included. Disposing removes it. */
async function forge(original: string): Promise<AsyncDisposable & { name: string }> {
  const [labels = ''] = await docker('inspect', '--format', '{{json .Config.Labels}}', original)
  const args = Object.entries<string>(JSON.parse(labels)).flatMap(([key, value]) => ['--label', `${key}=${value}`])
  const name = `${original}-forged`
  const image = await ensureImage('busybox')
  await docker('run', '--detach', '--name', name, '--network', 'none', ...args, image, 'sleep', '100000')
  return {
    name,
    async [Symbol.asyncDispose]() {
      await docker('rm', '--force', name)
    },
  }
}

async function stateOf(container: string): Promise<string[]> {
  return docker('inspect', '--format', '{{.Id}} {{.State.Running}} {{.State.StartedAt}}', container)
}

test(
  'after kill -9 the next start takes up what was left, and serves on the same network and rule',
  options,
  async () => {
    await using home = await Home.make()
    await using killed = await home.serve()
    await warm(killed, 2)
    const before = await home.traces()
    await kill(killed)
    assert.deepEqual(await home.traces(), before, 'nothing cleans up after a killed process')

    await using next = await home.serve()
    await next.log.entry(ADOPTED, { instances: 2 })
    await warm(next, 2)
    assert.deepEqual(await home.traces(), before, 'the same containers, one network, one rule for each protocol')
    await next[Symbol.asyncDispose]()
    assert.deepEqual(await home.traces(), [])
  },
)

test('a container with our labels and a mac that is not its own is never touched', options, async () => {
  await using home = await Home.make()
  await using killed = await home.serve()
  await warm(killed, 1)
  const [genuine = ''] = await home.containers()
  await using forged = await forge(genuine)
  const before = await stateOf(forged.name)
  await kill(killed)

  const next = await home.serve()
  await next.log.entry(FORGED, { sandbox: forged.name })
  await next.log.entry(ADOPTED, { instances: 1 })
  await warm(next, 1)
  assert.deepEqual((await home.containers()).toSorted(), [genuine, forged.name])
  await next.post('/pause')
  await next[Symbol.asyncDispose]()
  assert.deepEqual(await stateOf(forged.name), before)
  assert.deepEqual(await home.traces(), [`container ${forged.name}`])
})

test('two installations started together on one engine live and die apart', options, async () => {
  await using ours = await Home.make()
  await using theirs = await Home.make()
  const [first, second] = await Promise.all([ours.serve(), theirs.serve()])
  await using killed = first
  await using other = second
  await Promise.all([warm(killed, 2), warm(other, 1)])
  assert.notEqual(await ours.installation(), await theirs.installation())
  const theirTraces = await theirs.traces()
  const [instance = ''] = await theirs.containers()
  const before = await stateOf(instance)

  await kill(killed)
  await using next = await ours.serve()
  await next.log.entry(ADOPTED, { instances: 2 })
  await warm(next, 1)
  await next.post('/pause')
  await next[Symbol.asyncDispose]()
  assert.deepEqual(await ours.traces(), [])

  assert.deepEqual(await theirs.traces(), theirTraces)
  assert.deepEqual(await stateOf(instance), before)
  await warm(other, 1)
  assert.deepEqual(await theirs.containers(), [instance], 'it still answers from the same instance')
})

test('a daemon that was asked to end while it starts ends with 0 and leaves nothing', options, async () => {
  await using home = await Home.make()
  const starting = home.spawn()
  await starting.log.mention('{')
  starting.signal('SIGTERM')
  assert.deepEqual(await starting.ended, { code: 0, signal: null })
  assert.deepEqual(await home.traces(), [])
})
