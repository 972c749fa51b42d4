import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { ask } from '../../src/http/wire-kit.fixture.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'

// The MECA face has nothing to log in with: whoever may connect, or open the unix socket, may use it. /v1 has tokens, none of
// which is there unless somebody made it.

async function start(folder: string, listen: readonly string[]): Promise<FaultDaemon> {
  const images = {
    hello: {
      mark: 'meca-init-done',
      serve: (_request: unknown, response: { end(text: string): void }) => response.end('hello'),
    },
  }
  return startFaultDaemon({ folder, listen, fake: new FakeEngine({ images }) })
}

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'errand-credentials-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

test('A56: a first start makes no credentials, a second one finds none, and no two nodes share a secret', async () => {
  await using folder = await temporaryFolder()
  await using other = await temporaryFolder()
  const kept: string[] = []
  for (const { path } of [folder, folder, other]) {
    await using node = await start(path, ['127.0.0.1:0'])
    const state = join(path, 'state')
    const identity = await readFile(join(state, 'installation.json'), 'utf8')
    kept.push(identity)
    assert.deepEqual(
      Object.keys(JSON.parse(identity)).toSorted(),
      ['id', 'macKey'],
      'an id and a key for labels, no login',
    )
    assert.equal((await stat(join(state, 'installation.json'))).mode & 0o777, 0o600)
    assert.equal((await stat(state)).mode & 0o777, 0o700)
    const { macKey } = JSON.parse(identity)
    assert.ok(!JSON.stringify(node.log.lines).includes(macKey), 'the key is not in the log')
    assert.ok(!/password|token|secret|credential/i.test(JSON.stringify(node.log.lines)))
  }
  assert.equal(kept[0], kept[1])
  assert.notEqual(JSON.parse(kept[0] ?? '').macKey, JSON.parse(kept[2] ?? '').macKey)
})

test('A53: credentials of every kind change no answer of the MECA face, which takes none', async () => {
  await using folder = await temporaryFolder()
  await using node = await start(folder.path, ['127.0.0.1:0'])
  const port = Number(new URL(node.url).port)
  const body = JSON.stringify({ id: 'hello', input: '' })
  const plain = await ask(port, { body })
  const credentials = ['Bearer admin', 'Basic YWRtaW46YWRtaW4=', 'Bearer ', `Bearer ${'x'.repeat(8000)}`, 'Negotiate x']
  for (const authorization of credentials) {
    const { status, text, headers } = await ask(port, {
      body,
      headers: { authorization, cookie: 'session=admin' },
    })
    assert.deepEqual([status, text], [plain.status, plain.text])
    assert.equal(headers['www-authenticate'], undefined)
  }
})

test('A53: without tokens nobody is let in to /v1, and an open listener beyond this host never serves it', async () => {
  await using folder = await temporaryFolder()
  await using node = await start(folder.path, ['127.0.0.1:0'])
  for (const authorization of [
    undefined,
    'Bearer admin.admin',
    `Bearer admin.${'A'.repeat(43)}`,
    'Basic YWRtaW46YWRtaW4=',
  ]) {
    const headers = authorization === undefined ? {} : { authorization }
    const { status } = await ask(Number(new URL(node.url).port), { method: 'GET', path: '/v1/executions', headers })
    assert.equal(status, 401, authorization)
  }
  for (const entry of ['{ address: "0.0.0.0:0", faces: [v1] }', '{ address: "0.0.0.0:0", faces: [v1], auth: none }']) {
    assert.throws(() => loadConfig({ set: [`listen=[${entry}]`] }), /v1 needs auth: token/, entry)
  }
})

test('A56: beyond this host the control routes are shut unless they were asked for', async () => {
  await using folder = await temporaryFolder()
  await using node = await start(folder.path, ['0.0.0.0:0'])
  const port = Number(new URL(node.url).port)
  for (const path of ['/pause', '/unpause', '/update-config', '/stop']) {
    const { status, headers } = await ask(port, { path, body: '{"cpu":1,"mem":64}' })
    assert.deepEqual([status, headers['errand-code']], [403, 'forbidden'], path)
  }
})
