import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { EngineStub, frame, json, type StubRoutes } from '../../../test/support/engine-stub.ts'
import { ErrandError } from '../../core/errors.ts'
import { ManualClock, settle } from '../../core/manual-clock.ts'
import type { ExecCommand, OutputChunk } from '../engine.ts'
import { DockerClient } from './client.ts'
import { runCommand } from './exec.ts'

const IN_FOLDER = { workingDir: '/y' }
const never = new AbortController().signal
const UPGRADED = 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'
const CREATE: StubRoutes = { 'POST /containers/box/exec': json({ Id: 'e1' }, 201) }
const ENDED = json({ Running: false, ExitCode: 3, Pid: 17 })

class Opened implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly chunks: OutputChunk[] = []
  readonly stub: EngineStub
  readonly #client: DockerClient

  constructor(stub: EngineStub, client: DockerClient) {
    this.stub = stub
    this.#client = client
  }

  async run(signal: AbortSignal = never, command: Partial<ExecCommand> = IN_FOLDER): Promise<{ exitCode: number }> {
    const sink = (chunk: OutputChunk): void => void this.chunks.push(chunk)
    return runCommand(
      { client: this.#client, clock: this.clock },
      'box',
      { argv: ['x'], user: 'who', ...command },
      sink,
      signal,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
    await this.stub[Symbol.asyncDispose]()
  }
}

async function open(routes: StubRoutes, onUpgrade: (socket: Duplex) => void): Promise<Opened> {
  const stub = await EngineStub.open({
    routes: { ...CREATE, ...routes },
    onUpgrade: (_request, socket) => {
      socket.write(UPGRADED)
      onUpgrade(socket)
    },
  })
  return new Opened(stub, await DockerClient.open(stub, never))
}

test('a folder that cannot be entered and that nobody named is the one of the container', async () => {
  const words = 'unable to start container process: chdir to cwd ("/root") set in config.json failed: permission denied'
  const failed = json({ Running: false, ExitCode: 126, Pid: 0 })
  await using opened = await open({ 'GET /exec/e1/json': failed }, (socket) => socket.end(frame(1, words)))
  await assert.rejects(opened.run(never, {}), { message: 'workingDir: the one of the container cannot be entered' })
})

test('a command whose output has ended is looked at until it has exited', async () => {
  let looks = 0
  const opened = await open(
    {
      'GET /exec/e1/json': (request, response) => {
        looks += 1
        if (looks < 3) json({ Running: true, ExitCode: null, Pid: 17 })(request, response)
        else ENDED(request, response)
      },
    },
    (socket) => socket.end(frame(2, 'out')),
  )
  await using _ = opened
  const running = opened.run()
  const ended = running.then(() => true)
  while (looks < 3) {
    await settle()
    await opened.clock.advance(1000)
  }
  assert.ok(await ended)
  assert.deepEqual(await running, { exitCode: 3 })
  assert.deepEqual(
    opened.chunks.map(({ stream, data }) => [stream, data.toString()]),
    [['stderr', 'out']],
  )
})

test('a command that never got a process is refused with the words that came as its output', async () => {
  const failed = json({ Running: false, ExitCode: 126, Pid: 0 })
  for (const [words, code, message, exitCode] of [
    [
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "/x": stat /x: no such file or directory: unknown',
      'command_not_found',
      'its command cannot be run: x is not there',
      127,
    ],
    [
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "x": executable file not found in $PATH: unknown',
      'command_not_found',
      'its command cannot be run: x is not there',
      127,
    ],
    [
      'OCI runtime exec failed: exec failed: unable to start container process: exec: "x": permission denied: unknown',
      'command_not_found',
      'its command cannot be run: x cannot be executed',
      126,
    ],
    [
      'OCI runtime exec failed: exec failed: unable to start container process: chdir to cwd ("/y") set in config.json failed: no such file or directory: unknown',
      'validation_failed',
      'workingDir: /y cannot be entered',
    ],
    [
      'OCI runtime exec failed: exec failed: cannot exec in a stopped container: unknown',
      'task_gone',
      /Docker Engine: \w/,
    ],
    [
      'unable to find user who: no matching entries in passwd file',
      'validation_failed',
      'user: there is no who inside',
    ],
  ] as const) {
    await using opened = await open({ 'GET /exec/e1/json': failed }, (socket) => socket.end(frame(1, words)))
    await assert.rejects(opened.run(), (error: unknown) => {
      assert.ok(error instanceof ErrandError)
      assert.deepEqual([error.code, error.details.exitCode], [code, exitCode])
      assert.match(error.message, new RegExp(message))
      return true
    })
  }
})

test('a task that prints those words and exits with 126 has only done that', async () => {
  const exited = json({ Running: false, ExitCode: 126, Pid: 17 })
  const words = 'OCI runtime exec failed: exec: "x": executable file not found in $PATH'
  await using opened = await open({ 'GET /exec/e1/json': exited }, (socket) => socket.end(frame(1, words)))
  assert.deepEqual(await opened.run(), { exitCode: 126 })
})

test('output that breaks off in the middle of a frame is an Engine that is gone', async () => {
  await using opened = await open({ 'GET /exec/e1/json': ENDED }, (socket) => {
    socket.end(frame(1, 'whole').subarray(0, 10))
  })
  await assert.rejects(opened.run(), { code: 'engine_unavailable' })
})

test('an abort drops the connection and rejects with its reason', async () => {
  const controller = new AbortController()
  const taken = Promise.withResolvers<Duplex>()
  await using opened = await open({ 'GET /exec/e1/json': ENDED }, (socket) => taken.resolve(socket))
  const reason = new Error('given up')
  const running = opened.run(controller.signal)
  const socket = await taken.promise
  const closed = new Promise((resolve) =>
    socket
      .on('error', () => {})
      .on('close', resolve)
      .resume(),
  )
  controller.abort(reason)
  await assert.rejects(running, reason)
  await closed
})
