import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { httpCall } from '../support/http-call.ts'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeOptions } from '../support/serve-process.ts'

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
/** Sent as input, answered, and set in the daemon's environment: none of it is anybody's business who reads the log. */
const CANARY = 'canary-5f1d7c'
const SHOWN = 'printed-by-the-task'
/** An image that is missing is built first. */
const options = { timeout: 300_000 }

test('on a pipe every line of the log is JSON with level, time and msg, and stdout stays empty', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: ['log.level=debug', 'log.access=true', 'images.pull=never'] })
  await node.execute(await puppetRequest({ print: SHOWN }))
  await node.execute({ id: 'no/such/image:here', input: '' })
  await node.post('/pause')
  await node[Symbol.asyncDispose]()
  await node.log.ended()
  assert.ok(node.log.lines.length > 10)
  for (const line of node.log.lines) {
    const { level, time, msg } = JSON.parse(line)
    assert.ok([20, 30, 40, 50].includes(level), line)
    assert.match(time, RFC_3339)
    assert.ok(typeof msg === 'string' && msg !== '', line)
  }
  assert.equal(node.log.entries.at(-1)?.msg, 'stopped')
  assert.equal(node.stdout, '')
})

test('neither inputs nor answers, environments or headers get into the log, at any level', options, async () => {
  await using home = await Home.make()
  const environment = { SECRET: `${CANARY}-environment` }
  await using node = await home.serve({ settings: ['log.level=debug', 'log.access=true'], environment })
  const [address = ''] = await node.addresses()
  const { id, resource, input } = await puppetRequest({ answer: { status: 500, body: `${CANARY}-answer` } })
  assert.equal((await node.execute({ id, resource, input })).msg, `${CANARY}-answer`)

  const body = JSON.stringify({ id, resource, input: `${CANARY}-input, which makes the task fail` })
  const headers = { authorization: `Bearer ${CANARY}-header`, cookie: `${CANARY}-cookie` }
  const failed = await httpCall(address, { method: 'POST', path: `/?token=${CANARY}-query`, headers, body })
  assert.equal(JSON.parse(failed.text).success, false)
  const unknown = { id, resource, input: '', password: `${CANARY}-field` }
  await node.execute(unknown)
  await httpCall(address, { method: 'POST', path: '/', body: `{"id": "${CANARY}-malformed` })
  await httpCall(address, { method: 'GET', path: `/${CANARY}-path`, headers: { host: `${CANARY}-host` } })
  await node.log.entry('unknown keys in request bodies are ignored; this is the first one seen here')

  await node[Symbol.asyncDispose]()
  await node.log.ended()
  const told = node.log.lines.filter((line) => line.includes(CANARY) && !line.includes(`${CANARY}-path`))
  assert.deepEqual(told, [])
})

test('without access log a warm request leaves no line', options, async () => {
  await using home = await Home.make()
  await using node = await home.serve({ settings: ['log.level=debug'] })
  const request = await puppetRequest({ resolve: 'localhost' })
  await node.execute(request)
  await node.log.entry('cold start')
  const before = node.log.lines.length
  for (let i = 0; i < 20; i += 1) await node.execute(request)
  assert.equal(node.log.lines.length, before)
})

const hasScript = spawnSync('script', ['--version']).status === 0
const skip = hasScript ? false : 'script, which makes a terminal, is missing'

/** `script` runs one shell line: the arguments come in as its own. */
const ON_A_TERMINAL = [
  'sh',
  '-c',
  'exec script --quiet --return --flush --command "$(printf "\'%s\' " "$@")" /dev/null',
  'sh',
]

test('on a terminal the log is lines for people', { ...options, skip }, async () => {
  await using home = await Home.make()
  const socket = join(home.runDir, 'errand.sock')
  const how: ServeOptions = { listen: [`unix:${socket}`], under: ON_A_TERMINAL, environment: { TERM: 'xterm' } }
  const node = home.spawn(how)
  await node.printed('the node serves')
  await httpCall(`unix:${socket}`, { method: 'POST', path: '/stop' })
  assert.deepEqual(await node.ended, { code: 0, signal: null })
  const text = stripVTControlCharacters(node.stdout)
  assert.match(text, /INFO: the node serves\r?\n/)
  assert.match(text, /INFO: stopped\r?\n/)
  assert.doesNotMatch(text, /^\{/m)
  assert.notEqual(text, node.stdout, 'and it is coloured')
})
