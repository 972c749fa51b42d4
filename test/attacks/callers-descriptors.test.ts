import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { ask, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import { Home } from '../support/serve-process.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

// Every connection is an open file, and the kernel gives a process so many and no more.

const CLIENTS = 400
const OPEN_FILES = 256
const FEW_FILES = 'few open files are allowed (ulimit -n); fewer connections are taken'
const HEALTH = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'

test('F16: callers that take every connection leave the daemon the files for its engine, and it recovers', {
  timeout: 180_000,
}, async (t) => {
  await using home = await Home.make()
  const under = ['bash', '-c', `ulimit -n ${OPEN_FILES} && exec "$@"`, 'bash']
  await using node = await home.serve({ under })
  const { maxConnections } = await node.log.entry(FEW_FILES)
  assert.ok(typeof maxConnections === 'number')
  const [address = ''] = await node.addresses()
  const port = Number(address.split(':').at(-1))
  const openFiles = async (): Promise<number> => (await readdir(`/proc/${node.pid}/fd`)).length
  const image = await ensureTask('talk')
  const idle = await openFiles()

  const clients = Array.from({ length: CLIENTS }, (_, index) => new RawConnection(port, `127.0.0.${2 + (index % 4)}`))
  const kept: RawConnection[] = []
  await Promise.all(
    clients.map(async (client) => {
      client.write(HEALTH)
      const isAnswered = client.until('"ok"').then(() => true)
      if (await Promise.race([isAnswered, client.untilClosed().then(() => false)])) kept.push(client)
    }),
  )
  assert.equal(kept.length, maxConnections, 'as many are answered as there is room for, and the others are closed')
  const full = await openFiles()
  t.diagnostic(`${idle} files open when idle, ${full} with ${kept.length} of ${CLIENTS} clients, ${OPEN_FILES} allowed`)

  // Makes, follows, starts and inspects a container, and dials it, while no connection is free.
  const [first, ...others] = kept
  assert.ok(first)
  const body = JSON.stringify({ id: image, resource: { cpu: 0.5, mem: 64 }, input: say({ order: 'describe' }) })
  first.write('POST / HTTP/1.1', 'Host: localhost', `Content-Length: ${body.length}`, '', body)
  await first.until('"success":true')
  // Then all of them at once: one more file each.
  for (const other of others)
    other.write('POST / HTTP/1.1', 'Host: localhost', `Content-Length: ${body.length}`, '', body)
  await Promise.all(others.map((other) => other.until('"success":true')))
  t.diagnostic(`${await openFiles()} files open when each of them has asked the task`)

  for (const client of clients) client.socket.destroy()
  while ((await ask(port, { body }).catch(() => undefined))?.status !== 200) {
    // Until it has heard that they left.
  }
  assert.equal(node.hasEnded, false)
  const complaints = node.log.entries.filter(({ level }) => level >= 50)
  assert.deepEqual(complaints, [])
})
