import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type HttpAnswer, httpCall } from '../support/http-call.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'

const CONTROL = ['/pause', '/unpause', '/update-config', '/stop']
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

const LISTENERS = `
allowedHosts: [node.example]
listen:
  - address: 127.0.0.1:0
  - address: 127.0.0.1:0
    control: false
  - address: 0.0.0.0:0
  - address: 0.0.0.0:0
    control: true
`

describe('listeners', options, () => {
  let home: Home
  let node: ServeProcess
  let [open, closed, everywhere, allowed] = ['', '', '', '']

  before(async () => {
    home = await Home.make()
    const file = join(home.folder, 'node.yaml')
    await writeFile(file, LISTENERS)
    node = await home.serve({ listen: [], flags: ['--config', file] })
    ;[open = '', closed = '', everywhere = '', allowed = ''] = await node.addresses()
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  function get(address: string, headers: Record<string, string>): Promise<HttpAnswer> {
    return httpCall(address, { method: 'GET', path: '/health', headers })
  }

  test('a listener beyond loopback, or with control off, serves tasks but refuses to be controlled', async () => {
    for (const address of [closed, everywhere]) {
      for (const path of CONTROL) {
        const { status, headers, text } = await httpCall(address, { method: 'POST', path })
        assert.deepEqual([path, status, headers['errand-code']], [path, 403, 'forbidden'])
        assert.equal(JSON.parse(text).code, 'forbidden')
      }
      assert.equal((await get(address, {})).status, 200)
    }
    assert.equal((await node.get('/stats')).success, undefined, 'the node was not paused by any of it')
    const body = JSON.stringify(await puppetRequest({ print: 'x' }))
    const { text } = await httpCall(closed, { method: 'POST', path: '/', body })
    assert.deepEqual(JSON.parse(text), { success: true, msg: '' })
  })

  test('a listener with control takes it with an empty body of any content type', async () => {
    for (const address of [open, allowed]) {
      for (const path of ['/pause', '/unpause']) {
        const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' }
        const { status, text } = await httpCall(address, { method: 'POST', path, headers })
        assert.deepEqual([status, JSON.parse(text).success], [200, true])
      }
    }
  })

  test('a page of another origin is refused with 403', async () => {
    const own = { host: open, origin: `http://${open}` }
    assert.equal((await get(open, own)).status, 200)
    for (const origin of ['https://evil.example', 'null', `http://${closed}`]) {
      const { status, headers } = await get(open, { host: open, origin })
      assert.deepEqual([origin, status, headers['errand-code']], [origin, 403, 'forbidden'])
    }
    const { status } = await get(open, { 'sec-fetch-site': 'cross-site' })
    assert.equal(status, 403)
    const pausing = { method: 'POST', path: '/pause', headers: { origin: 'https://evil.example' } } as const
    assert.equal((await httpCall(open, pausing)).status, 403)
    assert.equal((await node.get('/stats')).success, undefined, 'the node was not paused')
  })

  test('a Host that could be rebound is refused with 421, others are answered', async () => {
    for (const host of ['evil.example', 'evil.example:2591', 'localhost.evil.example']) {
      const { status } = await get(open, { host })
      assert.deepEqual([host, status], [host, 421])
    }
    for (const host of [
      'localhost',
      'LOCALHOST:99',
      '192.0.2.7:2591',
      '[::1]:2591',
      'node.example',
      'Node.Example:80',
    ]) {
      const { status } = await get(open, { host })
      assert.deepEqual([host, status], [host, 200])
    }
  })

  test('from a page of its own origin the node takes JSON only', async () => {
    const headers = { host: open, origin: `http://${open}`, 'content-type': 'text/plain' }
    const { status } = await httpCall(open, { method: 'POST', path: '/', headers, body: '{}' })
    assert.equal(status, 415)
  })
})

test('the unix socket is open to its owner and group alone, and needs no Host to be named', options, async () => {
  await using home = await Home.make()
  const socket = join(home.runDir, 'errand.sock')
  await using node = await home.serve({ listen: [`unix:${socket}`] })
  const { mode } = await stat(socket)
  assert.equal((mode & 0o777).toString(8), '660')
  const address = `unix:${socket}`
  for (const path of ['/health', '/stats']) {
    assert.equal((await httpCall(address, { method: 'GET', path, headers: { host: 'any.example' } })).status, 200)
  }
  assert.deepEqual(await node.execute(await puppetRequest({ print: 'x' })), { success: true, msg: '' })
  assert.equal((await node.post('/pause')).success, true)
  assert.equal((await node.post('/stop')).success, true)
  assert.deepEqual(await node.ended, { code: 0, signal: null })
  await assert.rejects(stat(socket), { code: 'ENOENT' })
})

test('a socket file that a killed daemon left is replaced, one that is answered is not', options, async () => {
  await using home = await Home.make()
  await using neighbour = await Home.make()
  const listen = [`unix:${join(home.folder, 'errand.sock')}`]
  await using killed = await home.serve({ listen })
  killed.signal('SIGKILL')
  await killed.ended
  await using next = await home.serve({ listen })
  assert.deepEqual(await next.get('/health'), { status: 'ok' })
  const second = neighbour.spawn({ listen })
  assert.deepEqual(await second.ended, { code: 69, signal: null })
  assert.match(second.log.text, /errand: another process listens on .*errand\.sock\n$/)
  assert.deepEqual(await next.get('/health'), { status: 'ok' })
})

/** A network namespace of its own, with a bridge that stands for the Engine's default one. */
const OWN_NAMESPACE = `ip link set lo up
subnet=$(docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' bridge)
ip link add stand-in type bridge && ip address add "$subnet" dev stand-in && ip link set stand-in up
exec "$@"`
const ownNamespace = ['unshare', '--net', 'sh', '-ec', OWN_NAMESPACE, 'sh']
const canUnshare = spawnSync(ownNamespace[0] ?? '', [...ownNamespace.slice(1), 'true']).status === 0
const skip = canUnshare ? false : 'needs root, unshare and ip, so that port 2591 is free for sure'

test('without a word about listeners it is 127.0.0.1:2591 and errand.sock in runDir', {
  ...options,
  skip,
}, async () => {
  await using home = await Home.make()
  // There are no tasks in its network namespace, and they are not what this is about.
  await using node = await home.serve({ listen: [], settings: ['docker.network=bridge'], under: ownNamespace })
  const socket = `unix:${home.runDir}/errand.sock`
  assert.deepEqual(await node.addresses(), ['127.0.0.1:2591', socket])
  assert.equal((await httpCall(socket, { method: 'POST', path: '/stop' })).status, 200)
  assert.deepEqual(await node.ended, { code: 0, signal: null })
})
