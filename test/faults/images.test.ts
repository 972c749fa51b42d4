import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../support/containers.ts'
import { docker } from '../support/engine-host.ts'
import { FakeRegistry, guarding, refusing } from '../support/fake-registry.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { TestRegistry } from '../support/registry.ts'
import { buildTask } from '../support/versioned-task.ts'

const SMALL = { cpu: 0.1, mem: 64 }
const options = { timeout: 120_000 }

let registry: TestRegistry
before(async () => {
  registry = await TestRegistry.open()
})
after(async () => registry[Symbol.asyncDispose]())

/** Registries on loopback have to be listed. */
function start(settings: readonly string[] = [], canaries: readonly string[] = []): Promise<FaultDaemon> {
  return startFaultDaemon({ settings: ['images.privateRegistries=[127.0.0.1]', ...settings], canaries })
}

async function push(name: string, version: string): Promise<string> {
  await using task = await buildTask(version)
  return await registry.push(task.id, name)
}

async function idOf(reference: string): Promise<string | undefined> {
  const [id] = await docker('image', 'ls', '--quiet', '--no-trunc', '--filter', `reference=${reference}`)
  return id
}

/** Removes what a daemon runs, and waits until it knows. */
async function endTasks(node: FaultDaemon): Promise<void> {
  for (const name of await node.containers()) await docker('rm', '--force', '--volumes', name)
  await eventually(() => node.daemon.node.stats().leased.cpuMillis === 0)
}

describe('an image of a real registry', options, () => {
  test('is pulled once for all who wait, and run by its id, which log and label tell', async () => {
    const id = await push('task:once', 'v1')
    await using node = await start(['resources.cpuOvercommit=4'])
    const answers = await Promise.all(
      // Three tasks of one image.
      [0.1, 0.2, 0.3, 0.1, 0.2].map((cpu) => node.execute({ id, resource: { cpu, mem: 64 }, input: '' })),
    )
    assert.deepEqual(new Set(answers.map(({ msg }) => msg)), new Set(['v1']))
    const [pulled, ...more] = node.log.factsOf('pulled an image')
    assert.equal(more.length, 0)
    const imageId = await idOf(id)
    assert.equal(pulled?.id, imageId)
    const starts = node.log.factsOf('cold start')
    assert.equal(starts.length, 3)
    assert.ok(starts.every((facts) => facts.imageId === imageId && String(facts.digest).startsWith('sha256:')))
    for (const name of await node.containers()) {
      const format = '{{.Config.Image}} {{index .Config.Labels "dev.errand.spec"}}'
      assert.deepEqual(await docker('inspect', '--format', format, name), [`${imageId} ${imageId},runc`])
    }
  })

  test('F35: that was removed by hand is pulled again for the next start', async () => {
    const id = await push('task:gone', 'v1')
    await using node = await start()
    await node.execute({ id, resource: SMALL, input: '' })
    await endTasks(node)
    await docker('rmi', id)
    assert.equal((await node.execute({ id, resource: SMALL, input: '' })).msg, 'v1')
    assert.equal(node.log.factsOf('pulled an image').length, 2)
  })

  test('F35: that was removed by hand is image_not_found where nothing may be pulled', async () => {
    await using node = await start(['images.pull=never'])
    const { code } = await node.execute({ id: await push('task:never', 'v1'), resource: SMALL, input: '' })
    assert.equal(code, 'image_not_found')
  })

  test('F75: that is here runs while its registry is down', async () => {
    const id = await push('task:here', 'v1')
    await docker('pull', '--quiet', id)
    await registry.stop()
    try {
      await using node = await start()
      assert.equal((await node.execute({ id, resource: SMALL, input: '' })).msg, 'v1')
    } finally {
      await registry.start()
    }
  })

  test('F68: that is pulled as soon as its registry is back, with the last error in the log', async () => {
    const id = await push('task:back', 'v1')
    await registry.stop()
    await using node = await start()
    const pending = node.execute({ id, resource: SMALL, input: '' })
    await eventually(() => node.log.factsOf('a pull failed; trying again').length > 0)
    await registry.start()
    assert.equal((await pending).msg, 'v1')
    assert.match(String(node.log.factsOf('a pull failed; trying again')[0]?.lastError), /connection refused/)
  })

  test('F68: whose registry stays away is registry_unavailable', async () => {
    await using node = await start(['images.pullTimeoutMs=2500'])
    const answer = await node.execute({ id: '127.0.0.1:1/errand/x:1', resource: SMALL, input: '' })
    assert.equal(answer.code, 'registry_unavailable')
    assert.ok((answer.retryAfterMs ?? 0) > 0)
  })

  test('whose tag is moved by hand is run anew for the next request; the old instance goes at once', async () => {
    const [id, newer] = [await push('task:moving', 'v1'), await push('task:newer', 'v2')]
    await using node = await start()
    assert.equal((await node.execute({ id, resource: SMALL, input: '' })).msg, 'v1')
    const before = await node.containers()
    await docker('pull', '--quiet', newer)
    await docker('tag', newer, id)
    await eventually(() => node.log.factsOf('removing an instance').length > 0)
    assert.equal(node.log.factsOf('removing an instance')[0]?.why, 'its image was replaced')
    assert.equal((await node.execute({ id, resource: SMALL, input: '' })).msg, 'v2')
    await eventually(async () => (await node.containers()).length === 1)
    assert.notDeepEqual(await node.containers(), before)
  })
})

describe('what is never asked', options, () => {
  test('A10: a registry inside that nobody listed: forbidden, and it sees nothing', async () => {
    await using inside = await FakeRegistry.open(refusing(404, 'NAME_UNKNOWN', 'no'))
    await using node = await startFaultDaemon()
    for (const host of [inside.host, inside.host.replace('127.0.0.1', 'localhost'), '169.254.169.254']) {
      const { code } = await node.execute({ id: `${host}/latest/meta-data`, resource: SMALL, input: '' })
      assert.equal(code, 'forbidden', host)
    }
    assert.deepEqual(inside.requests, [])
  })

  test('A10: an image that images.allow does not name: forbidden, also when it is here', async () => {
    const id = await push('task:refused', 'v1')
    await docker('pull', '--quiet', id)
    await using node = await start([`images.allow=["docker.io/library/*", "${registry.host}/allowed/**"]`])
    assert.equal((await node.execute({ id, resource: SMALL, input: '' })).code, 'forbidden')
    const imageId = await idOf(id)
    assert.equal((await node.execute({ id: imageId, resource: SMALL, input: '' })).code, 'forbidden')
    const allowed = await push('allowed/task:1', 'v1')
    assert.equal((await node.execute({ id: allowed, resource: SMALL, input: '' })).msg, 'v1')
  })

  test('A13: any registry while the disk has no more than its reserve: storage_full', async () => {
    await using untouched = await FakeRegistry.open(refusing(404, 'NAME_UNKNOWN', 'no'))
    await using node = await start(['images.minFreeBytes=9007199254740991'])
    const { code } = await node.execute({ id: `${untouched.host}/errand/x:1`, resource: SMALL, input: '' })
    assert.equal(code, 'storage_full')
    assert.deepEqual(untouched.requests, [])
  })
})

describe('credentials', options, () => {
  const secret = `canary-${Math.random().toString(36).slice(2)}`
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-credentials-'))
  })
  after(async () => rm(folder, { recursive: true }))

  test('A10: open their own registry, and are seen by no other, in no log and in no container', async () => {
    await using guarded = await FakeRegistry.open(guarding(registry.host, `ann:${secret}`))
    await using greedy = await FakeRegistry.open((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end()
    })
    const file = join(folder, 'config.json')
    const auth = Buffer.from(`ann:${secret}`).toString('base64')
    await writeFile(file, JSON.stringify({ auths: { [guarded.host]: { auth } } }))
    await using node = await start([`docker.registryConfig=${file}`], [secret, auth])
    await push('task:guarded', 'v1')
    const id = `${guarded.host}/task:guarded`
    assert.equal((await node.execute({ id, resource: SMALL, input: '' })).msg, 'v1')
    const refused = await node.execute({ id: `${greedy.host}/task:guarded`, resource: SMALL, input: '' })
    assert.equal(refused.code, 'image_auth')
    assert.ok(!JSON.stringify(refused).includes(secret))
    assert.ok(greedy.requests.length > 0)
    assert.deepEqual(new Set(greedy.requests.map(({ authorization }) => authorization)), new Set(['']))
    assert.ok(guarded.requests.some(({ authorization }) => authorization === `Basic ${auth}`))
    await node.assertInvariants()
  })

  test('F71: that are wrong are image_auth at once, and are not echoed', async () => {
    await using guarded = await FakeRegistry.open(guarding(registry.host, 'ann:right'))
    const file = join(folder, 'wrong.json')
    await writeFile(file, JSON.stringify({ auths: { [guarded.host]: { username: 'ann', password: secret } } }))
    await using node = await start([`docker.registryConfig=${file}`], [secret])
    const answer = await node.execute({ id: `${guarded.host}/task:1`, resource: SMALL, input: '' })
    assert.equal(answer.code, 'image_auth')
    assert.ok(!JSON.stringify(answer).includes(secret))
    assert.equal(node.log.factsOf('pulling an image').length, 1)
  })
})

test('F23: on a full disk goes what this node pulled and does not use, and nothing else', options, async () => {
  const [used, unused, foreign] = await Promise.all(
    ['used', 'unused', 'foreign'].map((name) => push(`gc/${name}:1`, name)),
  )
  assert.ok(used !== undefined && unused !== undefined && foreign !== undefined)
  await docker('pull', '--quiet', foreign)
  // Every disk is full for these marks.
  const marks = ['images.gcHighPercent=1', 'images.gcLowPercent=0', 'images.gcMinAgeMs=1']
  await using node = await start(marks)
  await node.execute({ id: unused, resource: SMALL, input: '' })
  await endTasks(node)
  // The pull of the next one sets the collection off.
  await node.execute({ id: used, resource: SMALL, input: '' })
  await eventually(async () => (await idOf(unused)) === undefined)
  assert.deepEqual(
    node.log.factsOf('removed an unused image').map(({ names }) => names),
    [[unused]],
  )
  assert.ok(await idOf(used))
  assert.ok(await idOf(foreign))
  assert.equal((await node.execute({ id: unused, resource: SMALL, input: '' })).msg, 'unused')
})
