import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { randomId } from '../../src/core/ids.ts'
import { docker } from '../support/engine-host.ts'
import { FakeRegistry, type RegistryHandler } from '../support/fake-registry.ts'
import { httpCall } from '../support/http-call.ts'
import { Home, type ServeProcess } from '../support/serve-process.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

/** An image that is missing is built first. */
const options = { timeout: 300_000 }
const SMALL = { cpu: 0.5, mem: 64 }

/** One secret for each way in which one gets to the daemon. */
const CANARIES = {
  input: canary(),
  answer: canary(),
  printed: canary(),
  unknownKey: canary(),
  header: canary(),
  query: canary(),
  image: canary(),
  environment: canary(),
  comment: canary(),
  password: canary(),
}

function canary(): string {
  return `canary-${randomId()}`
}

/** As they are, and as credentials travel. */
function spellings(): string[] {
  const login = Buffer.from(`operator:${CANARIES.password}`).toString('base64')
  return [...Object.values(CANARIES), login]
}

/** Refuses everything, and repeats what it was told in words that the Engine passes on. */
const echoing: RegistryHandler = (request, response) => {
  const { authorization = 'none' } = request.headers
  const errors = [{ code: 'DENIED', message: `you said ${authorization}`, detail: authorization }]
  response.setHeader('www-authenticate', 'Basic realm="x"')
  response.writeHead(authorization === 'none' ? 401 : 403, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ errors }))
}

/** Sends a secret along in every way that a caller has; what came back, by request. */
async function drive(node: ServeProcess, registry: string): Promise<Map<string, string>> {
  const [address = ''] = await node.addresses()
  const hello = await ensureImage('hello-node')
  const talk = await ensureTask('talk')
  const answers = new Map<string, string>()
  const send = async (name: string, body: object | string, path = '/'): Promise<void> => {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${CANARIES.header}`,
      cookie: CANARIES.header,
    }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    answers.set(name, (await httpCall(address, { method: 'POST', path, headers, body: text })).text)
  }
  const task = (id: string, input: string): object => ({ id, resource: SMALL, input })
  await send('warm', { ...task(hello, CANARIES.input), password: CANARIES.unknownKey }, `/?token=${CANARIES.query}`)
  await send('failing', task(talk, say({ order: 'status', status: 500, body: CANARIES.answer })))
  await send('malformed', `{"id": "${hello}", "input": "${CANARIES.input}", }`)
  await send('wrong', { ...task(hello, CANARIES.input), runtime: CANARIES.unknownKey })
  await send('no image', task(`https://user:${CANARIES.image}@example/x`, ''))
  await send('no route', '', `/nowhere?token=${CANARIES.query}`)
  await send('pull', task(`${registry}/private/image:1`, CANARIES.input))
  await send('crashing', task(talk, say({ order: 'printAndExit', line: CANARIES.printed, times: 3, code: 9 })))
  await send('not ready', task(await ensureImage('crash'), CANARIES.input))
  return answers
}

/** Every file below a folder, by its name. */
async function filesBelow(folder: string): Promise<[string, string][]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(files.map(async (file): Promise<[string, string]> => [file, await readFile(file, 'utf8')]))
}

test('I8: no secret gets into the log, the state folder, or what the engine shows', options, async () => {
  await using registry = await FakeRegistry.open(echoing)
  await using home = await Home.make()
  const config = join(home.folder, 'errand.yaml')
  const accounts = join(home.folder, 'accounts.json')
  const auth = Buffer.from(`operator:${CANARIES.password}`).toString('base64')
  await writeFile(accounts, JSON.stringify({ auths: { [registry.host]: { auth } } }), { mode: 0o600 })
  const settings = [
    `# ${CANARIES.comment}`,
    'log: { level: debug, access: true }',
    `docker: { registryConfig: ${accounts} }`,
    `images: { privateRegistries: ["${registry.host}"] }`,
  ]
  await writeFile(config, settings.join('\n'))
  const node = await home.serve({
    flags: ['--config', config],
    environment: { DATABASE_PASSWORD: CANARIES.environment },
  })
  const answers = await drive(node, registry.host)
  const inspected = await Promise.all((await home.containers()).map((name) => docker('inspect', name)))
  const shown = inspected.map((lines) => lines.join('\n'))
  await node[Symbol.asyncDispose]()

  // Controls: the secrets did travel, and those who sent them got what is theirs.
  assert.match(answers.get('warm') ?? '', new RegExp(CANARIES.input))
  assert.match(answers.get('failing') ?? '', new RegExp(CANARIES.answer))
  // The one exception: the end of a task's own output is told to its caller.
  assert.match(answers.get('crashing') ?? '', new RegExp(CANARIES.printed))
  const heard = registry.requests.map(({ authorization }) => authorization)
  assert.ok(heard.includes(`Basic ${auth}`), `${answers.get('pull')} after ${heard.join()}`)
  assert.match(answers.get('pull') ?? '', /you said Basic \[redacted\]/)
  assert.ok(shown.length > 0 && node.log.entries.length > 20)

  const places: [string, string][] = [
    ['the log', node.log.text],
    ['stdout', node.stdout],
    ...shown.map((text): [string, string] => ['docker inspect', text]),
    ...(await filesBelow(home.stateDir)),
    ...(await filesBelow(home.runDir)),
  ]
  for (const secret of spellings()) {
    for (const [place, text] of places)
      assert.ok(!text.includes(secret), `${nameOf(secret)} is in ${place}: ${around(text, secret)}`)
  }
  // Nobody but the operator knows these: no answer has them.
  for (const secret of [auth, CANARIES.password, CANARIES.environment, CANARIES.comment]) {
    for (const [name, text] of answers)
      assert.ok(!text.includes(secret), `${nameOf(secret)} is answered to ${name}: ${text}`)
  }
})

function nameOf(secret: string): string {
  return Object.entries(CANARIES).find(([, value]) => value === secret)?.[0] ?? 'the login'
}

function around(text: string, secret: string): string {
  const at = text.indexOf(secret)
  return text.slice(Math.max(0, at - 200), at + 200)
}
