import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { docker } from '../support/engine-host.ts'
import { httpCall } from '../support/http-call.ts'
import { Puppet, puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const STOPPING = 'the node is stopping; waiting for requests under way'
/** What a stop may take, and what this busy machine may add. */
const STOP_MS = 30_000
const SLACK_MS = 5000
/** An image that is missing is built first. Each test has a daemon of its own, and one of them mostly waits. */
const options = { timeout: 300_000, concurrency: 3 }

async function warmPuppet(home: Home, node: ServeProcess): Promise<Puppet> {
  await node.execute(await puppetRequest({ print: 'warm' }))
  const [container = ''] = await home.containers()
  return Puppet.in(container)
}

async function volumesOf(container: string): Promise<string[]> {
  return docker('inspect', '--format', '{{range .Mounts}}{{println .Name}}{{end}}', container)
}

describe('stopping', options, () => {
  test('a stop takes no more than 30 s, whatever callers and tasks do', async () => {
    await using home = await Home.make()
    await using node = await home.serve()
    const puppet = await warmPuppet(home, node)
    await node.execute(await puppetRequest({ ignoreSigterm: true }))
    const [address = ''] = await node.addresses()
    const [host = '', port = ''] = address.split(':')
    const uploader = connect({ host, port: Number(port) })
    await once(uploader, 'connect')
    uploader.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nnot all')
    const cut = once(uploader.resume(), 'close')
    const held = node.execute(await puppetRequest({ hold: true }))
    await puppet.holds(1)

    const askedMs = performance.now()
    node.signal('SIGTERM')
    assert.equal((await held).code, 'draining')
    assert.deepEqual(await node.ended, { code: 0, signal: null })
    const tookMs = performance.now() - askedMs
    assert.ok(tookMs < STOP_MS + SLACK_MS, `the stop took ${tookMs} ms`)
    await cut
    assert.deepEqual(await home.traces(), [])
    await assert.rejects(httpCall(address, { method: 'GET', path: '/health' }), { code: 'ECONNREFUSED' })
  })

  test('SIGTERM answers the request in flight, refuses others, and ends with 0, leaving nothing', async () => {
    await using home = await Home.make()
    await using node = await home.serve()
    const puppet = await warmPuppet(home, node)
    const [container = ''] = await home.containers()
    const [volume = ''] = await volumesOf(container)
    assert.notEqual(volume, '')
    const held = node.execute(await puppetRequest({ hold: true }))
    await puppet.holds(1)

    node.signal('SIGTERM')
    await node.log.entry(STOPPING)
    const { success, code } = await node.execute(await puppetRequest({ print: 'no' }))
    assert.deepEqual([success, code], [false, 'draining'])
    assert.equal((await node.post('/pause')).code, 'draining')
    assert.equal((await node.post('/unpause')).code, 'draining')
    await puppet.free()
    assert.deepEqual(await held, { success: true, msg: 'freed' })

    assert.deepEqual(await node.ended, { code: 0, signal: null })
    assert.deepEqual(await home.traces(), [])
    await assert.rejects(docker('volume', 'inspect', volume))
  })

  test('POST /stop does the same, and is answered before the process ends', async () => {
    await using home = await Home.make()
    await using node = await home.serve()
    const puppet = await warmPuppet(home, node)
    const held = node.execute(await puppetRequest({ hold: true }))
    await puppet.holds(1)
    const stopping = node.post('/stop').then(async (answer) => ({ answer, left: await home.containers() }))
    await node.log.entry(STOPPING)
    const again = node.post('/stop')
    assert.equal((await node.execute(await puppetRequest({ print: 'no' }))).code, 'draining')
    await puppet.free()
    assert.deepEqual(await held, { success: true, msg: 'freed' })
    const { answer, left } = await stopping
    assert.deepEqual([answer, left], [{ success: true, msg: 'stopped: every task removed' }, []])
    assert.equal((await again).success, true)
    assert.deepEqual(await node.ended, { code: 0, signal: null })
    assert.deepEqual(await home.traces(), [])
  })

  test('a second signal ends the process at once, and the next start takes up what that left', async () => {
    await using home = await Home.make()
    await using node = await home.serve()
    const puppet = await warmPuppet(home, node)
    const held = node.execute(await puppetRequest({ hold: true }))
    await puppet.holds(1)
    const cut = assert.rejects(held, { code: 'ECONNRESET' })
    node.signal('SIGTERM')
    await node.log.entry(STOPPING)
    node.signal('SIGTERM')
    assert.deepEqual(await node.ended, { code: 143, signal: null })
    await cut
    const left = await home.containers()
    assert.equal(left.length, 1)
    await using next = await home.serve()
    await next.log.entry('took up warm instances that an earlier daemon left', { instances: 1 })
    assert.deepEqual(await home.containers(), left)
  })

  test('a task that ignores SIGTERM is killed', async () => {
    await using home = await Home.make()
    await using node = await home.serve()
    assert.equal((await node.execute(await puppetRequest({ ignoreSigterm: true }))).msg, 'deaf')
    const [container = ''] = await home.containers()
    await docker('kill', '--signal', 'TERM', container)
    assert.deepEqual(await home.containers(), [container], 'it ignores the signal')
    node.signal('SIGTERM')
    assert.deepEqual(await node.ended, { code: 0, signal: null })
    assert.deepEqual(await home.traces(), [])
  })
})
