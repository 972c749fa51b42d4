import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineStub, frame, json } from '../../../test/support/engine-stub.ts'
import { DEFAULT_RESOURCES } from '../../core/resources.ts'
import type { EngineEvent, OutputChunk, SandboxSpec } from '../engine.ts'
import { DockerEngine } from './docker-engine.ts'
import { lines, NETWORK, open } from './stub-engine.fixture.ts'

const never = new AbortController().signal
const REF = { name: 'errand-1', id: 'abc' }
const SPEC: SandboxSpec = {
  imageId: 'sha256:1',
  resources: DEFAULT_RESOURCES,
  runtime: 'runc',
  profile: 'standard',
  process: {},
  network: 'tasks',
  port: 8080,
  hasSocket: false,
}

function container(labels: Record<string, string>): object {
  return {
    Id: 'abc',
    Name: '/errand-1',
    State: { Status: 'created', Pid: 0, ExitCode: 0, OOMKilled: false },
    Config: { Labels: labels },
    HostConfig: { Memory: 0, NanoCpus: 0, PidsLimit: null, NetworkMode: 'net' },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  }
}

test('creating under a taken name gives what is there when it carries the same labels, else a refusal', async () => {
  const conflict = json({ message: 'Conflict. The container name "/errand-1" is already in use' }, 409)
  await using opened = await open({
    'GET /images/sha256:1/json': json({ Config: null }),
    'POST /containers/create': conflict,
    'GET /containers/errand-1/json': json(container({ id: '1', fromImage: 'x' })),
  })
  const create = async (id: string): Promise<unknown> =>
    opened.engine.create(SPEC, { name: 'errand-1', labels: { id } }, never)
  assert.deepEqual(await create('1'), REF)
  await assert.rejects(create('2'), { code: 'already_exists' })
})

test('a removal that somebody else began is waited for', async () => {
  await using opened = await open({
    'DELETE /containers/abc': json({ message: 'removal of container abc is already in progress' }, 409),
    'POST /containers/abc/wait': json({ StatusCode: 137 }),
  })
  await opened.engine.remove(REF, never)
  assert.ok(opened.stub.requests.some((request) => request.endsWith('wait?condition=removed')))
})

test('a container that somebody else removed leaves no volume behind', async () => {
  await using opened = await open({
    'GET /volumes': json({ Volumes: [{ Name: 'socket-folder' }] }),
    'DELETE /volumes/socket-folder': json({}, 204),
  })
  await opened.engine.remove(REF, never)
  const [listing = '', removal] = opened.stub.requests.slice(-2)
  const filters = JSON.parse(new URL(listing.split(' ')[1] ?? '', 'http://docker').searchParams.get('filters') ?? '')
  assert.deepEqual(filters, { label: ['dev.errand.installation=test'], dangling: ['true'] })
  assert.equal(removal, 'DELETE /v1.41/volumes/socket-folder')
})

test('events that came before the stream broke are told, then the loss', async () => {
  await using opened = await open({
    'GET /events': (_request, response) => {
      const die = { Type: 'container', Action: 'die', Actor: { ID: 'abc', Attributes: { exitCode: '3' } } }
      const text = lines(die)
      response.write(text.slice(0, 20))
      response.write(text.slice(20), () => response.destroy())
    },
  })
  const seen: EngineEvent[] = []
  const follow = async (): Promise<void> => {
    for await (const event of opened.engine.events('label', 'value', never)) seen.push(event)
  }
  await assert.rejects(follow(), { code: 'engine_unavailable' })
  assert.deepEqual(seen, [{ kind: 'listening' }, { kind: 'exited', id: 'abc', exitCode: 3 }])
})

test('an event stream is asked for by label, from now on', async () => {
  await using opened = await open({ 'GET /events': (_request, response) => response.end() })
  for await (const event of opened.engine.events('label', 'value', never)) assert.equal(event.kind, 'listening')
  const query = new URL(opened.stub.requests.at(-1)?.slice('GET '.length) ?? '', 'http://docker').searchParams
  const filters: unknown = JSON.parse(query.get('filters') ?? '')
  assert.deepEqual(filters, { type: ['container'], event: ['kill', 'die', 'destroy'], label: ['label=value'] })
  assert.match(query.get('since') ?? '', /^\d{10}\.\d{3}$/)
})

test('output is read only as fast as it is consumed', async () => {
  const total = 64 * 1024 * 1024
  const piece = frame(1, Buffer.alloc(64 * 1024))
  let written = 0
  await using opened = await open({
    'GET /containers/abc/logs': (_request, response) => {
      const pump = (): void => {
        while (written < total && !response.destroyed) {
          written += piece.length
          if (!response.write(piece)) return
        }
      }
      response.on('drain', pump)
      pump()
    },
    'GET /containers/errand-1/json': json(container({})),
  })
  for await (const chunk of opened.engine.output(REF, { lastLines: 10 }, never)) {
    assert.equal(chunk.stream, 'stdout')
    // As many turns of the loop as a greedy reader would need to take far more.
    for (let turn = 0; turn < 100; turn += 1) await opened.engine.inspect(REF, never)
    break
  }
  assert.ok(written < total / 8, `${written} bytes were taken ahead of the reader`)
})

test('the words of the init process name a missing command; its exit code alone does not', async () => {
  await using opened = await open({})
  const printed = 'starting\n[FATAL tini (7)] exec /no/such failed: No such file or directory\n'
  assert.equal(opened.engine.explainExit(127, printed), 'command_not_found')
  assert.equal(opened.engine.explainExit(127, 'sh: foo: not found\n'), undefined)
  assert.equal(opened.engine.explainExit(1, printed), undefined)
})

test('an attachment takes frames apart, and a garbled one ends alone', async () => {
  const answers = [Buffer.concat([frame(1, 'out'), frame(2, 'err')]), Buffer.from('garbage')]
  await using stub = await EngineStub.open({
    routes: { 'GET /networks/net': json(NETWORK) },
    onUpgrade: (_request, socket) => {
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n')
      socket.end(answers.shift())
    },
  })
  const options = {
    socketPath: stub.socketPath,
    installation: 'test',
    network: { kind: 'named', name: 'net' },
  } as const
  await using engine = await DockerEngine.open(options, never)
  const seen: string[] = []
  const sink = ({ stream, data }: OutputChunk): void => void seen.push(`${stream} ${data.toString()}`)
  await (await engine.attach(REF, sink, never)).ended
  await (await engine.attach(REF, sink, never)).ended
  assert.deepEqual(seen, ['stdout out', 'stderr err'])
})
