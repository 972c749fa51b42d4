import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineStub, frame, json, type StubRoutes } from '../../../test/support/engine-stub.ts'
import { DEFAULT_RESOURCES } from '../../core/resources.ts'
import type { EngineEvent, OutputChunk, PullProgress, SandboxSpec } from '../engine.ts'
import { DockerEngine } from './docker-engine.ts'

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
const IMAGE = { kind: 'name', repository: 'far/image', tag: 'v1', digest: undefined } as const

const NETWORK = { Id: 'n', Name: 'net', Driver: 'bridge', Internal: false, Options: null, Labels: null, Containers: {} }

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

class Opened implements AsyncDisposable {
  readonly stub: EngineStub
  readonly engine: DockerEngine

  constructor(stub: EngineStub, engine: DockerEngine) {
    this.stub = stub
    this.engine = engine
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]()
    await this.stub[Symbol.asyncDispose]()
  }
}

async function open(routes: StubRoutes): Promise<Opened> {
  const stub = await EngineStub.open({ routes: { 'GET /networks/net': json(NETWORK), ...routes } })
  const { socketPath } = stub
  const network = { kind: 'named', name: 'net' } as const
  return new Opened(stub, await DockerEngine.open({ socketPath, installation: 'test', network }, never))
}

function lines(...values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
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

test('a pull reports its progress and ends with the image', async () => {
  await using opened = await open({
    'POST /images/create': (_request, response) => {
      response.write(lines({ status: 'Pulling from far/image', id: 'v1' }))
      response.end(lines({ status: 'Downloading', progressDetail: { current: 1, total: 2 }, id: 'layer' }))
    },
    'GET /images/far/image:v1/json': json({
      Id: 'sha256:9',
      RepoTags: ['far/image:v1', '<none>:<none>'],
      RepoDigests: null,
      Size: 7,
      Created: '2026-01-01T00:00:00Z',
      Os: 'linux',
      Architecture: 'amd64',
    }),
    'GET /version': json({ Version: '20.10', Os: 'linux', Arch: 'amd64' }),
  })
  const progress: PullProgress[] = []
  const image = await opened.engine.images.pull(IMAGE, { onProgress: (step) => progress.push(step) }, never)
  assert.deepEqual(image, {
    id: 'sha256:9',
    tags: ['docker.io/far/image:v1'],
    digests: [],
    sizeBytes: 7,
    createdMs: Date.UTC(2026, 0, 1),
  })
  assert.deepEqual(progress, [
    { status: 'Pulling from far/image', layer: 'v1' },
    { status: 'Downloading', layer: 'layer', currentBytes: 1, totalBytes: 2 },
  ])
  assert.ok(opened.stub.requests.includes('POST /v1.41/images/create?fromImage=far%2Fimage&tag=v1'))
})

test('a failure that comes within the stream of a pull is told by its words', async () => {
  const message = 'manifest for far/image:v1 not found: manifest unknown: manifest unknown'
  await using opened = await open({
    'POST /images/create': (_request, response) => {
      response.write(lines({ status: 'Pulling from far/image' }))
      response.end(lines({ errorDetail: { message }, error: message }))
    },
  })
  const pulling = opened.engine.images.pull(IMAGE, { onProgress() {} }, never)
  await assert.rejects(pulling, { code: 'image_not_found' })
})

test('an abort drops a pull that has begun, and rejects with its reason', async () => {
  const controller = new AbortController()
  const dropped = Promise.withResolvers<void>()
  await using opened = await open({
    'POST /images/create': (request, response) => {
      request.socket.once('close', () => dropped.resolve())
      response.write(lines({ status: 'Pulling from far/image' }))
    },
  })
  const pulling = opened.engine.images.pull(
    IMAGE,
    { onProgress: () => controller.abort(new Error('given up')) },
    controller.signal,
  )
  await assert.rejects(pulling, { message: 'given up' })
  await dropped.promise
})

test('F74: an image for another processor is invalid, and is not kept', async () => {
  const image = { Id: 'sha256:9', RepoTags: ['far/image:v1'], Size: 7, Os: 'linux', Architecture: 'arm64' }
  await using opened = await open({
    'POST /images/create': (_request, response) => response.end(lines({ status: 'Pulling from far/image' })),
    'GET /images/far/image:v1/json': json(image),
    'GET /version': json({ Version: '20.10', Os: 'linux', Arch: 'amd64' }),
    'DELETE /images/far/image:v1': json([]),
  })
  const pulling = opened.engine.images.pull(IMAGE, { onProgress() {} }, never)
  await assert.rejects(pulling, { code: 'image_invalid', message: /linux\/arm64.*linux\/amd64/ })
  assert.equal(opened.stub.requests.at(-1), 'DELETE /v1.41/images/far/image:v1?noprune=1')
})

test('credentials go with a pull from their own registry and with no other', async () => {
  const sent: (string | undefined)[] = []
  await using opened = await open({
    'POST /images/create': (request, response) => {
      sent.push(request.headersDistinct['x-registry-auth']?.[0])
      json({ message: 'EOF' }, 500)(request, response)
    },
  })
  const secrets = { kind: 'password', username: 'ann', secret: 'canary' } as const
  const pull = async (repository: string, registry: string): Promise<void> => {
    const options = { credentials: { ...secrets, registry }, onProgress() {} }
    const pulling = opened.engine.images.pull({ ...IMAGE, repository }, options, never)
    await assert.rejects(pulling, ({ message }: Error) => !message.includes('canary'))
  }
  await pull('one.example/x', 'one.example')
  await pull('two.example/x', 'one.example')
  await pull('x', 'docker.io')
  const read = sent.map((header) => header && JSON.parse(Buffer.from(header, 'base64url').toString()))
  const known = { username: 'ann', password: 'canary' }
  assert.deepEqual(read, [
    { ...known, serveraddress: 'one.example' },
    undefined,
    { ...known, serveraddress: 'https://index.docker.io/v1/' },
  ])
})

test('an image id is not asked of a registry', async () => {
  await using opened = await open({})
  const pulling = opened.engine.images.pull({ kind: 'id', id: 'sha256:1' }, { onProgress() {} }, never)
  await assert.rejects(pulling, { code: 'image_not_found' })
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
