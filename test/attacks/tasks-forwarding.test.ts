import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ok, RawServer } from '../../src/forward/raw-server.fixture.ts'
import { openV1Node, type V1Node } from '../../src/http/v1/v1-node.fixture.ts'
import { exchange } from '../../src/http/wire-kit.fixture.ts'

// What a caller of /v1 can do to the request that its task gets: method, path, query, end-to-end headers and body are its
// own to choose. Where it goes, and how it is framed, are not.

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly rawHeaders: readonly string[]
}

describe('what passes through to a named task', { timeout: 120_000 }, () => {
  const seen: Seen[] = []
  let node: V1Node
  let evil: RawServer
  let token = ''
  before(async () => {
    evil = await RawServer.open(ok('evil'))
    node = await openV1Node({
      sink: {
        serve: ({ method, url, rawHeaders }, response) => {
          seen.push({ method, url, rawHeaders })
          response.end('sink')
        },
      },
    })
    token = await node.token('ada', 'submit')
    assert.equal((await node.call(token, 'PUT /v1/tasks/sink', { image: 'sink' })).status, 201)
  })
  after(async () => {
    await node[Symbol.asyncDispose]()
    assert.deepEqual(evil.sockets, [], 'nobody ever called the place that callers pointed at')
    await evil[Symbol.asyncDispose]()
  })

  /** The status of the first answer; what it made the task see is added to `seen`. */
  async function send(line: string, headers: readonly string[] = []): Promise<number> {
    const own = ['Host: localhost', `Authorization: ${token}`, 'Connection: close']
    const answer = await exchange(node.ports.token, line, ...own, ...headers, '', '')
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)
  }

  test('A30: a target that names another place, or breaks out of its line, reaches nobody else', async () => {
    const { port } = evil.endpoint
    const base = '/v1/tasks/sink/invoke'
    const refused = [
      `http://127.0.0.1:${port}${base}`,
      `http://127.0.0.1:${port}/`,
      `//127.0.0.1:${port}${base}`,
      `${base}//127.0.0.1:${port}/`,
      `${base}/\\127.0.0.1:${port}/`,
      `${base}/%2f127.0.0.1:${port}/`,
      `${base}/%5C127.0.0.1:${port}/`,
      `${base}@127.0.0.1:${port}/`,
      `${base}:${port}/`,
      `${base}.evil/`,
      `${base}%2f..`,
      `${base}/%`,
      `${base}/%0`,
      `${base}/%zz`,
      `${base}?x=%`,
      `/v1/tasks/sink@127.0.0.1:${port}/invoke`,
      `/v1/tasks/127.0.0.1:${port}/invoke`,
      '/v1/tasks/../sink/invoke',
      '/v1/tasks/./sink/invoke',
      '/v1/tasks//sink/invoke',
      '/v1/tasks/SINK/invoke',
      '/v1/tasks/sink%00/invoke',
      '/v1/tasks/%73ink/invoke',
      '/v1//tasks/sink/invoke',
      '//v1/tasks/sink/invoke',
      '*',
      `127.0.0.1:${port}`,
    ]
    for (const target of refused) {
      const before = seen.length
      const status = await send(`GET ${target} HTTP/1.1`)
      assert.ok(status === 400 || status === 404, `${target}: ${status}`)
      assert.equal(seen.length, before, target)
    }
    const passed: Readonly<Record<string, string>> = {
      [`/http://127.0.0.1:${port}/`]: `/http://127.0.0.1:${port}/`,
      [`/@127.0.0.1:${port}/`]: `/@127.0.0.1:${port}/`,
      '/../../v1/node': '/../../v1/node',
      '/%2e%2e/%2e%2e': '/%2e%2e/%2e%2e',
      '/a%0d%0aHost:%20evil': '/a%0d%0aHost:%20evil',
      '/a%20HTTP/1.1': '/a%20HTTP/1.1',
      '/a\\..\\b': '/a%5C..%5Cb',
      '/a|b^c`d': '/a%7Cb%5Ec%60d',
      '/a"<b>': '/a%22%3Cb%3E',
      '?http://evil/': '/?http://evil/',
      '?//evil': '/?//evil',
      '/a//b': '/a//b',
    }
    for (const [tail, url] of Object.entries(passed)) {
      assert.equal(await send(`GET ${base}${tail} HTTP/1.1`), 200, tail)
      assert.equal(seen.at(-1)?.url, url)
    }
    const connect = await send(`CONNECT 127.0.0.1:${port} HTTP/1.1`)
    assert.notEqual(connect, 200)
  })

  test('A47: nothing between neighbours, and nothing that proves who its caller is, is passed on', async () => {
    const dropped = [
      'Cookie: secret=1',
      'X-Forwarded-For: 10.0.0.1',
      'X-Forwarded-Host: evil',
      'Forwarded: for=10.0.0.1',
      'Proxy-Authorization: secret',
      'Keep-Alive: timeout=1',
      'TE: trailers',
      'Trailer: x',
      'Connection: X-Hop',
      'X-Hop: secret',
      'Upgrade: h2c',
      'HTTP2-Settings: x',
      'Expect: something',
    ]
    assert.equal(await send('GET /v1/tasks/sink/invoke HTTP/1.1', [...dropped, 'X-Mine: kept']), 200)
    const names = (seen.at(-1)?.rawHeaders ?? [])
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase())
    assert.deepEqual(names.toSorted(), ['connection', 'host', 'x-mine'])
    assert.deepEqual(seen.at(-1)?.rawHeaders.slice(0, 4), ['host', 'task', 'connection', 'keep-alive'])
  })

  test('A47: a request that two servers could read differently is refused before its task sees it', async () => {
    const ambiguous: readonly (readonly string[])[] = [
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Content-Length: 4', 'Content-Length: 5'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding : chunked'],
      ['Content-Length: +4'],
      ['Content-Length: 4, 4'],
      ['Host: other'],
      ['X-A: 1\n b'],
    ]
    for (const headers of ambiguous) {
      const before = seen.length
      const status = await send('POST /v1/tasks/sink/invoke HTTP/1.1', headers)
      assert.ok([400, 415].includes(status), `${headers.join(' | ')}: ${status}`)
      assert.equal(seen.length, before, headers.join(' | '))
    }
  })
})
