import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { type HttpAnswer, type HttpCall, httpCall } from '../support/http-call.ts'
import { Home } from '../support/serve-process.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/errand')
const run = promisify(execFile)

test('a token made beside a running daemon submits, follows and removes work on the Engine', {
  timeout: 300_000,
}, async () => {
  const image = await ensureImage('busybox')
  await using home = await Home.make()
  const socket = `unix:${join(home.runDir, 'errand.sock')}`
  await using node = await home.serve({ listen: ['127.0.0.1:0', socket] })
  const [address = ''] = await node.addresses()
  const { stdout } = await run(LAUNCHER, ['token', 'create', 'ci', '--state-dir', home.stateDir])
  const authorization = `Bearer ${stdout.trim()}`
  const call = (method: HttpCall['method'], path: string, body = ''): Promise<HttpAnswer> =>
    httpCall(address, { method, path: `/v1/executions${path}`, body, headers: { authorization, accept: 'text/plain' } })

  const task = { image, cmd: ['sh', '-c', 'echo out; cat; echo err >&2; exit 3'] }
  const accepted = await call('POST', '', JSON.stringify({ task: { ...task, resources: { cpu: 0.1 } } }))
  assert.equal(accepted.status, 201, accepted.text)
  const { id } = JSON.parse(accepted.text)
  const { status, text } = await call('GET', `/${id}/wait?timeout=2m`)
  const record = JSON.parse(text)
  assert.deepEqual([status, record.status, record.exitCode, record.engine], [200, 'failed', 3, 'docker'])
  assert.equal((await call('GET', `/${id}/logs?stream=stdout`)).text, 'out\n')
  assert.equal((await call('GET', `/${id}/logs?stream=stderr`)).text, 'err\n')

  const nobody = await httpCall(address, { method: 'GET', path: '/v1/node' })
  assert.equal(nobody.status, 401)
  const operator = await httpCall(socket, { method: 'GET', path: `/v1/executions/${id}` })
  assert.equal(JSON.parse(operator.text).caller, 'ci')
  assert.equal((await call('DELETE', `/${id}`)).status, 204)
  await run(LAUNCHER, ['token', 'revoke', 'ci', '--state-dir', home.stateDir])
  const revokedMs = performance.now()
  while ((await call('GET', '')).status === 200) assert.ok(performance.now() - revokedMs < 1000, 'still taken')
  assert.equal((await call('GET', '')).status, 401)
})
