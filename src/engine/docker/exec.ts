import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { sleep } from '../../core/wait.ts'
import { Backoff } from '../../util/backoff.ts'
import type { ExecCommand, OutputSink } from '../engine.ts'
import { created } from './answers/containers.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'
import { demultiplex } from './demultiplexer.ts'
import { engineError, noAnswer } from './errors.ts'
import { ResponseStream } from './response-stream.ts'

interface ExecDeps {
  readonly client: DockerClient
  readonly clock: Clock
}

/** The words with which the Engine says why it could not execute a command fit in far less. */
const HEAD_BYTES = 4096

/** Between looks at a command whose output has ended. Nearly always it has exited by then; it may also go on, silently. */
const FIRST_LOOK_MS = 5
const MOST_LOOK_MS = 500

interface ExecAnswer {
  readonly Running: boolean
  readonly ExitCode: number | null
  readonly Pid: number
}

const execAnswer: z.ZodType<ExecAnswer> = z.object({
  Running: z.boolean(),
  ExitCode: z.number().nullable(),
  Pid: z.number(),
})

/** Runs a command beside the main process of a container to its end, as the port says. */
export async function runCommand(
  { client, clock }: ExecDeps,
  id: string,
  command: ExecCommand,
  sink: OutputSink,
  signal: AbortSignal,
): Promise<{ readonly exitCode: number }> {
  const execId = await createExec(client, id, command, signal)
  const head = await followOutput(client, execId, sink, signal)
  const { ExitCode, Pid } = await untilExited({ client, clock }, execId, signal)
  // A command that could not be executed has an exit code all the same, and the reason among its output.
  if (Pid === 0) throw refusedCommand(head.toString(), command)
  return { exitCode: ExitCode ?? 0 }
}

/** The Engine's words in ours, where they are about what was asked for. */
function refusedCommand(words: string, { argv, workingDir, user }: ExecCommand): ErrandError {
  const error = engineError('exec', 400, words)
  const { code, details } = error
  if (code === 'command_not_found') {
    const exitCode = /permission denied|exec format error/i.test(words) ? 126 : 127
    const what = exitCode === 126 ? 'cannot be executed' : 'is not there'
    return new ErrandError(code, `its command cannot be run: ${argv[0]} ${what}`, {
      details: { ...details, exitCode },
      cause: error,
    })
  }
  if (code !== 'validation_failed') return error
  const isUser = /unable to find (user|group)|ids must be in range/i.test(words)
  const folder = workingDir ?? 'the one of the container'
  const message = isUser ? `user: there is no ${user} inside` : `workingDir: ${folder} cannot be entered`
  return new ErrandError(code, message, { details, cause: error })
}

async function createExec(
  client: DockerClient,
  id: string,
  { argv, environment = {}, workingDir, user }: ExecCommand,
  signal: AbortSignal,
): Promise<string> {
  const body = {
    Cmd: argv,
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    AttachStdout: true,
    AttachStderr: true,
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(user === undefined ? {} : { User: user }),
  }
  const path = containerPath(id, '/exec')
  const reply = await client.change({ operation: 'exec', method: 'POST', path, body }, signal)
  return readJson(created, reply.body).Id
}

/** Starts the command and hands on what it prints, to the end of it. Gives the first bytes of that. */
async function followOutput(
  client: DockerClient,
  execId: string,
  sink: OutputSink,
  signal: AbortSignal,
): Promise<Buffer> {
  const path = `/exec/${encodeURIComponent(execId)}/start`
  const body = { Detach: false, Tty: false }
  const socket = await client.hijack({ operation: 'exec', method: 'POST', path, body }, signal)
  using output = new ResponseStream(socket, (error) => (signal.aborted ? signal.reason : noAnswer('an exec', error)))
  const onAbort = (): void => void socket.destroy(new Error('aborted'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    signal.throwIfAborted()
    let head = Buffer.alloc(0)
    for await (const chunk of demultiplex(output)) {
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.data.subarray(0, HEAD_BYTES - head.length)])
      sink(chunk)
    }
    return head
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function untilExited({ client, clock }: ExecDeps, execId: string, signal: AbortSignal): Promise<ExecAnswer> {
  const path = `/exec/${encodeURIComponent(execId)}/json`
  const backoff = new Backoff(FIRST_LOOK_MS, MOST_LOOK_MS)
  for (;;) {
    const reply = await client.look({ operation: 'exec', method: 'GET', path }, signal)
    const state = readJson(execAnswer, reply.body)
    if (!state.Running && state.ExitCode !== null) return state
    await sleep(clock, backoff.nextMs(), signal)
  }
}
