import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { docker } from '../support/engine-host.ts'
import {
  type HostServices,
  hostAddresses,
  openHostServices,
  openOutside,
  whyNoOutside,
} from '../support/host-services.ts'
import { addressOf, type Directive, puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

/** A daemon that every address of this host leads to. */
const EVERYWHERE = ['0.0.0.0:0']
/** An image that is missing is built first. Silence takes its time: the tests wait for it side by side. */
const options = { timeout: 300_000, concurrency: 3 }

/** What a task answers, as a value. */
async function ask(node: ServeProcess, directive: Directive): Promise<unknown> {
  const { success, msg } = await node.execute(await puppetRequest(directive))
  assert.equal(success, true, msg)
  return JSON.parse(msg)
}

async function networkOf(home: Home): Promise<string> {
  return `errand-${(await home.installation())?.slice(0, 12)}`
}

/** What a task gets from every service of this host, the daemon included, on two of its addresses. */
async function triesOn(node: ServeProcess, home: Home, services: HostServices): Promise<unknown[]> {
  const addresses = await hostAddresses(await networkOf(home))
  const [own = ''] = await node.addresses()
  const ports = [services.tcpPort, Number(own.split(':')[1])]
  const connect = addresses.flatMap((host) => ports.map((port) => ({ host, port })))
  const send = addresses.map((host) => ({ host, port: services.udpPort }))
  return [await ask(node, { connect }), await ask(node, { send })]
}

describe('a task on a network of ours', options, () => {
  test('a task reaches no service of this host by TCP or UDP, and not the daemon, which reaches it', async () => {
    await using services = await openHostServices()
    await using home = await Home.make()
    await using node = await home.serve({ listen: EVERYWHERE })
    const silence = 'SILENCE'
    assert.deepEqual(await triesOn(node, home, services), [
      [silence, silence, silence, silence],
      [silence, silence],
    ])
    assert.deepEqual(services.heard, [])
  })

  test('with tasks.hostAccess: allow it reaches all of them, so that the test above means something', async () => {
    await using services = await openHostServices()
    await using home = await Home.make()
    await using node = await home.serve({ listen: EVERYWHERE, settings: ['tasks.hostAccess=allow'] })
    assert.deepEqual(await triesOn(node, home, services), [
      ['connected', 'connected', 'connected', 'connected'],
      ['answered', 'answered'],
    ])
    assert.equal((await home.traces()).filter((trace) => trace.includes('INPUT')).length, 0)
  })

  test('tasks do not reach each other, though they resolve names', async () => {
    await using home = await Home.make()
    await using node = await home.serve()
    await node.execute(await puppetRequest({ print: 'the neighbour' }, 65))
    const [neighbour = ''] = await home.containers()
    const host = await addressOf(neighbour)
    assert.deepEqual(await ask(node, { connect: [{ host, port: 8080 }] }), ['SILENCE'])
    assert.equal(await ask(node, { resolve: neighbour }), host)
  })

  test('a task does not reach a container on another network of the Engine', async () => {
    await using home = await Home.make()
    await using other = await Home.make()
    await using node = await home.serve()
    await using neighbour = await other.serve()
    await neighbour.execute(await puppetRequest({ print: 'elsewhere' }))
    const [container = ''] = await other.containers()
    const target = { host: await addressOf(container), port: 8080 }
    assert.deepEqual(await ask(node, { connect: [target] }), ['SILENCE'])
  })

  const skip = whyNoOutside() ?? false

  test('a task reaches other machines, unless tasks.network is internal', { skip }, async () => {
    await using machine = await openOutside()
    const target = { host: machine.host, port: machine.port }
    for (const [network, isInternal, expected] of [
      ['egress', 'false', ['connected']],
      // Later Engines give such a task no route at all.
      ['internal', 'true', ['SILENCE', 'ENETUNREACH']],
    ] as const) {
      await using home = await Home.make()
      await using node = await home.serve({ settings: [`tasks.network=${network}`] })
      const outcomes = (await ask(node, { connect: [target] })) as string[]
      assert.ok(
        expected.some((outcome) => outcome === outcomes[0]),
        `${network}: ${outcomes[0]}`,
      )
      const [found] = await docker('network', 'inspect', '--format', '{{.Internal}}', await networkOf(home))
      assert.equal(found, isInternal)
    }
  })
})
