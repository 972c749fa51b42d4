import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { randomId } from '../../src/core/ids.ts'
import { docker } from '../support/engine-host.ts'
import { FakeRegistry, type RegistryHandler } from '../support/fake-registry.ts'
import { type HttpAnswer, httpCall } from '../support/http-call.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'
import { V1Client } from '../support/v1-client.ts'

// What is secret about executions, and where it turns up: I8 for /v1.

const run = promisify(execFile)
const LAUNCHER = resolve(import.meta.dirname, '../../bin/errand')
const options = { timeout: 300_000 }

const canary = (): string => `canary-${randomId()}`
const CANARIES = {
  environment: canary(),
  script: canary(),
  argument: canary(),
  output: canary(),
  result: canary(),
  key: canary(),
  guess: 'G'.repeat(43),
  query: canary(),
  header: canary(),
  unknownKey: canary(),
  command: canary(),
  password: canary(),
}
/** What no log, metric, argument or answer to others may show, by name. */
type Secrets = Readonly<Record<string, string>>

const echoing: RegistryHandler = (request, response) => {
  const { authorization = 'none' } = request.headers
  response.setHeader('www-authenticate', 'Basic realm="x"')
  response.writeHead(authorization === 'none' ? 401 : 403, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: `you said ${authorization}` }] }))
}

async function filesBelow(folder: string): Promise<[string, string][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(files.map(async (file): Promise<[string, string]> => [file, await readFile(file, 'latin1')]))
}

/** Of the daemon: whoever is on this host can read the first, and root the second. */
async function processOf(node: ServeProcess): Promise<[string, string][]> {
  return Promise.all(
    ['cmdline', 'environ'].map(async (name): Promise<[string, string]> => {
      return [`the daemon's ${name}`, await readFile(`/proc/${node.pid}/${name}`, 'utf8')]
    }),
  )
}

function assertAbsent(secrets: Secrets, places: readonly (readonly [string, string])[]): void {
  for (const [name, secret] of Object.entries(secrets)) {
    for (const [place, text] of places) {
      const at = text.indexOf(secret)
      assert.ok(at === -1, `${name} is in ${place}: ${text.slice(Math.max(0, at - 200), at + 200)}`)
    }
  }
}

test('A54, I8: what is secret about executions stays with those whose it is', options, async () => {
  await using registry = await FakeRegistry.open(echoing)
  await using home = await Home.make()
  const accounts = join(home.folder, 'accounts.json')
  const auth = Buffer.from(`operator:${CANARIES.password}`).toString('base64')
  await writeFile(accounts, JSON.stringify({ auths: { [registry.host]: { auth } } }), { mode: 0o600 })
  const socket = join(home.runDir, 'errand.sock')
  const node = await home.serve({
    listen: ['127.0.0.1:0', `unix:${socket}`],
    settings: [
      'log.level=debug',
      'log.access=true',
      `docker.registryConfig=${accounts}`,
      `images.privateRegistries=["${registry.host}"]`,
    ],
  })
  const [address = ''] = await node.addresses()
  const token = await makeToken(home, 'ann', ['read', 'submit'])
  const eve = await makeToken(home, 'eve', ['read', 'submit'])
  await using client = new V1Client(socket)
  const answers = new Map<string, HttpAnswer>()
  const send = async (
    name: string,
    path: string,
    body: object,
    headers: Record<string, string> = {},
  ): Promise<HttpAnswer> => {
    const authorization = `Bearer ${token}`
    const sent = { authorization, cookie: CANARIES.header, 'x-secret': CANARIES.header, ...headers }
    const answer = await httpCall(address, { method: 'POST', path, headers: sent, body: JSON.stringify(body) })
    answers.set(name, answer)
    return answer
  }

  const image = await ensureImage('busybox')
  const task = {
    image,
    env: { PASSWORD: CANARIES.environment },
    cmd: [
      '/bin/sh',
      '-c',
      'cat; echo "$PASSWORD $0 $1"; echo "$2" >/result; exec sleep 1000',
      CANARIES.command,
      CANARIES.output,
      CANARIES.result,
    ],
    provision: [{ name: 'login.sh', content: `#!/bin/sh\n: ${CANARIES.script}\n`, args: [CANARIES.argument] }],
  }
  const key = { 'idempotency-key': CANARIES.key }
  const taken = await send('submit', '/v1/executions', { id: 'secret', task, outputs: [{ path: '/result' }] }, key)
  assert.equal(taken.status, 201, taken.text)
  await client.until('secret', 'running')
  await send('again', '/v1/executions', { id: 'secret', task: { ...task, env: {} } }, key)
  await send('unknown', '/v1/executions', { task, [CANARIES.unknownKey]: CANARIES.unknownKey })
  await send('wrong type', '/v1/executions', { task: { ...task, env: [CANARIES.environment] } })
  await send('query', `/v1/executions?token=${CANARIES.query}`, { task })
  await send('guess', '/v1/executions', {}, { authorization: `Bearer ann.${CANARIES.guess}` })
  await send('malformed', '/v1/executions', {}, { authorization: `Basic ${CANARIES.guess}` })
  await send('exec', '/v1/executions/secret/exec', { argv: ['/bin/echo', CANARIES.argument] })
  const pull = await send('pull', '/v1/executions', {
    id: 'pulls',
    task: { ...task, image: `${registry.host}/private/x:1` },
  })
  assert.equal(pull.status, 201)
  const failed = await client.wait('pulls')
  const metrics = await httpCall(`unix:${socket}`, { method: 'GET', path: '/metrics' })
  assert.equal(metrics.status, 200)
  const running = await processOf(node)
  const inspected = (await Promise.all((await home.containers()).map((name) => docker('inspect', name))))
    .flat()
    .join('\n')
  const others: [string, string][] = []
  for (const path of [
    '',
    '/secret',
    '/secret/logs',
    '/secret/outputs',
    '/secret/outputs/result',
    '/secret/wait',
    '/secret/stats',
  ]) {
    const headers = { authorization: `Bearer ${eve}` }
    others.push([
      `another's ${path}`,
      (await httpCall(address, { method: 'GET', path: `/v1/executions${path}`, headers })).text,
    ])
  }
  const taking = await httpCall(address, {
    method: 'POST',
    path: '/v1/executions',
    headers: { authorization: `Bearer ${eve}`, ...key },
    body: JSON.stringify({ id: 'secret', task: { image } }),
  })
  others.push(["another's answer for the same id and key", taking.text])
  await client.cancel('secret')
  await client.wait('secret')
  const record = JSON.stringify([await client.get('secret'), failed])
  const log = await client.log('secret')
  await node[Symbol.asyncDispose]()

  // Controls: all of it did travel, and came to those whose it is.
  assert.ok(log.includes(CANARIES.environment) && log.includes(CANARIES.output), log)
  assert.equal(answers.get('exec')?.text.includes(CANARIES.argument), true)
  assert.ok(
    registry.requests.some(({ authorization }) => authorization === `Basic ${auth}`),
    failed.message,
  )
  assert.deepEqual([answers.get('again')?.status, answers.get('guess')?.status, taking.status], [409, 401, 409])

  const [, secret = ''] = token.split('.')
  const state = await filesBelow(home.stateDir)
  const shown = [
    ...running,
    ...others,
    ['the log', node.log.text],
    ['stdout', node.stdout],
    ['metrics', metrics.text],
  ] as const
  const everything = { ...CANARIES, token: secret, login: auth }
  assertAbsent(everything, shown)
  // What only the daemon's own checks need is nowhere: not with the owner, not on the disk, not at the engine.
  const { guess, query, header, unknownKey, password } = CANARIES
  const never = { guess, query, header, unknownKey, password, token: secret, login: auth }
  assertAbsent(never, [...state, ['docker inspect', inspected], ['records', record]])
  // A record says what became of it, and not with what it was begun.
  const { environment, script, argument, output, result, key: idempotencyKey } = CANARIES
  assertAbsent({ environment, script, argument, output, result, idempotencyKey }, [['records', record]])
  // Scripts come as files, so that the engine tells nobody of them.
  assertAbsent({ script, idempotencyKey }, [['docker inspect', inspected]])
})

async function makeToken(home: Home, id: string, scopes: readonly string[]): Promise<string> {
  const args = ['token', 'create', id, '--state-dir', home.stateDir, '--scope', ...scopes]
  const { stdout } = await run(LAUNCHER, args, { env: { PATH: process.env.PATH } })
  return stdout.trim()
}
