import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { puppetRequest } from '../support/puppet.ts'
import { Home, type ServeOptions } from '../support/serve-process.ts'

/** An image that is missing is built first. */
const options = { timeout: 300_000 }

/** The exit status of a daemon that does not come up, and what it said beside its log. */
async function refusal(home: Home, how: ServeOptions): Promise<{ status: number | null; said: string }> {
  const served = home.spawn(how)
  const { code } = await served.ended
  await served.log.ended()
  const said = served.log.lines.filter((line) => !line.startsWith('{'))
  assert.equal(served.stdout, '')
  assert.deepEqual(await home.traces(), [], 'nothing is left')
  return { status: code, said: said.join('\n') }
}

async function refusedFile(text: string): Promise<{ status: number | null; said: string; file: string }> {
  await using home = await Home.make()
  const file = join(home.folder, 'node.yaml')
  await writeFile(file, text)
  return { ...(await refusal(home, { flags: ['--config', file] })), file }
}

test('a second daemon on a state folder ends with 75, naming the first, which goes on', options, async () => {
  await using home = await Home.make()
  await using first = await home.serve()
  const request = await puppetRequest({ print: 'warm' })
  await first.execute(request)
  const before = await home.traces()

  const second = home.spawn()
  assert.deepEqual(await second.ended, { code: 75, signal: null })
  assert.match(second.log.text, new RegExp(`^errand: .*${home.stateDir} is in use by process ${first.pid} .*\n$`))
  assert.deepEqual(await home.traces(), before)
  assert.equal((await first.execute(request)).success, true)
  assert.deepEqual(await home.traces(), before)
})

test('a folder is free again as soon as its daemon has ended, however it ended', options, async () => {
  await using home = await Home.make()
  const killed = await home.serve()
  killed.signal('SIGKILL')
  await killed.ended
  await using next = await home.serve()
  assert.deepEqual(await next.get('/health'), { status: 'ok' })
})

test('F13: a broken configuration ends the start with 78, naming file, line and key', options, async () => {
  const { status, said, file } = await refusedFile('cpu: 2\ntasks:\n  startTimeoutMs: soon\n')
  assert.equal(status, 78)
  assert.ok(said.startsWith(`${file}:3: tasks.startTimeoutMs: must be a whole number`), said)
})

test(
  'every problem of a configuration is named at once, with the nearest key for an unknown one',
  options,
  async () => {
    const { status, said, file } = await refusedFile('cpu: 0\nmen: 12\n')
    assert.equal(status, 78)
    assert.match(said, new RegExp(`^${file}:1: cpu: must be .*\n${file}:2: men: .*the nearest is mem$`))
  },
)

test('a face that there is not is refused at start with 78', options, async () => {
  const { status, said } = await refusedFile('listen:\n  - address: 127.0.0.1:0\n    faces: [meca, ui]\n')
  assert.equal(status, 78)
  assert.match(said, /node\.yaml:3: listen.*must be a face: meca, v1, docs or metrics/)
})

test('an engine that does not answer ends the start with 69 and one sentence', options, async () => {
  await using home = await Home.make()
  const { status, said } = await refusal(home, { flags: ['--docker-host', `unix://${home.folder}/no.sock`] })
  assert.equal(status, 69)
  assert.match(said, /^errand: .*Docker Engine.*$/)
  assert.ok(said.includes(`${home.folder}/no.sock`), said)
})

test('an address in use ends the start with 69 and one sentence, leaving nothing', options, async () => {
  await using home = await Home.make()
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  const { status, said } = await refusal(home, { listen: ['127.0.0.1:0', `127.0.0.1:${port}`] })
  holder.close()
  assert.equal(status, 69)
  assert.equal(said, `errand: cannot listen on 127.0.0.1:${port}: another process listens there`)
})

test('a socket whose folder is missing, or which is no socket, is refused in one sentence', options, async () => {
  await using home = await Home.make()
  const missing = await refusal(home, { listen: [`unix:${home.folder}/no/such.sock`] })
  assert.equal(missing.status, 78)
  assert.match(missing.said, /^errand: there is no folder .*\/no for a socket$/)
  await writeFile(join(home.folder, 'file.sock'), '')
  const file = await refusal(home, { listen: [`unix:${home.folder}/file.sock`] })
  assert.equal(file.status, 69)
  assert.match(file.said, /^errand: .*file\.sock exists and is not a socket: not replaced$/)
})

test('a state folder that cannot be used ends the start with 74', options, async () => {
  await using home = await Home.make()
  await writeFile(home.stateDir, 'not a folder')
  const { status, said } = await refusal(home, {})
  assert.equal(status, 74)
  assert.match(said, /^errand: the state folder .* cannot be used: .*$/)
})

test('a run folder that cannot be made ends the start with 74', options, async () => {
  await using home = await Home.make()
  await mkdir(home.stateDir)
  await writeFile(home.runDir, 'not a folder')
  const { status, said } = await refusal(home, {})
  assert.equal(status, 74)
  assert.match(said, /^errand: runDir cannot be made: .*$/)
})
