import { basename, dirname, resolve } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import type { ExecutionBodyIn } from '../../http/contract/execution-body.ts'
import type { PortBody } from '../../http/contract/task-body.ts'
import { type Fields, isFields, readBodyFile, STDIN } from '../body-file.ts'
import { malformed, readDuration, readNumber, readPairs } from '../flag-values.ts'
import type { Input } from '../terminal.ts'
import type { Shell } from './environment.ts'
import { assertAllSent, overFile, uploadsIn } from './over-file.ts'
import type { RunFlags } from './run-flags.ts'
import { taskFields } from './task-fields.ts'

interface LocalFile {
  readonly folder: string
  readonly file: string
  /** As the command line has it. */
  readonly given: string
}

/** A file or folder of this machine that the execution gets. */
export interface LocalInput {
  /** Its name in what is sent. */
  readonly name: string
  /** Where it is; what stdin holds is nowhere. */
  readonly from: LocalFile | 'stdin'
}

/** A result of the execution, and where it goes on this machine. */
export interface LocalOutput {
  /** Its name in the record. */
  readonly name: string
  readonly folder: string
}

export interface RunPlan {
  readonly body: ExecutionBodyIn
  readonly inputs: readonly LocalInput[]
  readonly outputs: readonly LocalOutput[]
}

interface PlannedInput {
  readonly from: LocalInput['from']
  readonly target: string
  readonly readOnly: boolean
}

/** What a command line is given in. */
export interface Surroundings {
  readonly shell: Shell
  readonly stdin: Input
  readonly cwd: string
  /** Of chance, for an id. */
  readonly newId: string
}

/**
 * What a command line asks for, over what `--file` says. Whether that makes sense is the node's to say, in its own words.
 * @throws validation_failed; not_found for a file
 */
export async function planRun(
  image: string | undefined,
  command: readonly string[],
  flags: RunFlags,
  { shell, stdin, cwd, newId }: Surroundings,
): Promise<RunPlan> {
  const inputs = (flags.input ?? []).map((text) => readInput(text, cwd))
  const outputs = (flags.output ?? []).map((text, index) => readOutput(text, index, cwd))
  const task = {
    ...(await taskFields(image, command, flags, shell)),
    ...(flags.port !== undefined && { ports: flags.port.map(readPort) }),
  }
  const terms = termsOf(flags)
  assertReadOnce([...(flags.file === STDIN ? ['--file -'] : []), ...inputs.flatMap(describeStdin)])
  const file: Fields = flags.file === undefined ? {} : await readBodyFile(flags.file, stdin)
  const sent = named(inputs, uploadsIn(file))
  const line = {
    ...(Object.keys(task).length > 0 && { task }),
    ...(inputs.length > 0 && {
      inputs: sent.map(({ name, target, readOnly }) => ({ upload: name, target, readOnly })),
    }),
    ...(outputs.length > 0 && { outputs: outputs.map(({ local, path }) => ({ path, name: local.name })) }),
    ...terms,
  }
  const merged = overFile(file, line)
  assertAllSent(merged, new Set(sent.map(({ name }) => name)))
  const body: object = { ...merged, id: merged.id ?? readableId(imageIn(merged), newId) }
  const locals = sent.map(({ name, from }) => ({ name, from }))
  return { body: body as ExecutionBodyIn, inputs: locals, outputs: outputs.map(({ local }) => local) }
}

/** What is sent for another input of the file is told from these by its name alone. */
function named(inputs: readonly PlannedInput[], taken: ReadonlySet<unknown>): (PlannedInput & LocalInput)[] {
  let number = 0
  return inputs.map((input) => {
    do number += 1
    while (taken.has(`input-${number}`))
    return { ...input, name: `input-${number}` }
  })
}

function describeStdin({ from, target }: PlannedInput): string[] {
  return from === 'stdin' ? [`--input -:${target}`] : []
}

/** The second would find nothing. */
function assertReadOnce(readers: readonly string[]): void {
  if (readers.length > 1) throw new ErrandError('validation_failed', `${readers.join(' and ')}: stdin can be read once`)
}

function imageIn({ task }: Fields): string {
  return isFields(task) && typeof task.image === 'string' ? task.image : ''
}

function termsOf({ id, job, priority, idempotent, label, webhook, ...flags }: RunFlags): Fields {
  const { timeout, queueTimeout, pullTimeout, grace, retention } = flags
  return {
    ...(id !== undefined && { id }),
    ...(job !== undefined && { job }),
    ...(timeout !== undefined && { timeoutMs: readDuration('--timeout', timeout) }),
    ...(queueTimeout !== undefined && { queueTimeoutMs: readDuration('--queue-timeout', queueTimeout) }),
    ...(pullTimeout !== undefined && { pullTimeoutMs: readDuration('--pull-timeout', pullTimeout) }),
    ...(grace !== undefined && { graceMs: readDuration('--grace', grace) }),
    ...(retention !== undefined && { retentionMs: readDuration('--retention', retention) }),
    ...(priority !== undefined && { priority: readNumber('--priority', priority) }),
    ...(idempotent === true && { idempotent: true }),
    ...(label !== undefined && { labels: readPairs('--label', label) }),
    ...(webhook !== undefined && { webhook: { url: webhook } }),
  }
}

/** An id that people can tell from others and copy: the image's own name and ten characters of chance. */
function readableId(image: string, newId: string): string {
  const [reference = ''] = image.toLowerCase().split('@', 1)
  const [name = ''] = (reference.split('/').at(-1) ?? '').split(':', 1)
  const words = name.split(/[^a-z0-9]/).filter((word) => word !== '')
  const cut = words.join('-').slice(0, 20)
  const plain = cut.endsWith('-') ? cut.slice(0, -1) : cut
  return [...(plain === '' ? [] : [plain]), newId.slice(0, 10)].join('-')
}

/** `PATH:TARGET`, read-only unless `:rw` follows. `-` is stdin. */
function readInput(text: string, cwd: string): PlannedInput {
  const parts = text.split(':')
  const mode = parts.length > 2 && ['ro', 'rw'].includes(parts.at(-1) ?? '') ? parts.pop() : 'ro'
  const target = parts.pop() ?? ''
  const path = parts.join(':')
  if (path === '' || !target.startsWith('/')) throw malformed('--input', text, 'PATH:/TARGET or PATH:/TARGET:rw')
  const whole = resolve(cwd, path)
  const from = path === STDIN ? 'stdin' : { folder: dirname(whole), file: basename(whole), given: path }
  return { from, target, readOnly: mode === 'ro' }
}

/** `/PATH`, or `/PATH:FOLDER` for another place than the folder the command was given in. */
function readOutput(text: string, index: number, cwd: string): { local: LocalOutput; path: string } {
  const [, path = '', folder = '.'] = /^(\/[^:]*)(?::(.+))?$/.exec(text) ?? []
  if (path === '') throw malformed('--output', text, '/PATH or /PATH:FOLDER')
  return { local: { name: basename(path) || `output-${index + 1}`, folder: resolve(cwd, folder) }, path }
}

/** `PORT`, `HOSTPORT:PORT` or `IP:HOSTPORT:PORT`, and `/udp`. */
function readPort(text: string): PortBody {
  const [, ip, hostPort, port = '', protocol] =
    /^(?:(?:([0-9.]+|\[[0-9a-f:]+\]):)?([0-9]{1,5}):)?([0-9]{1,5})(?:\/(tcp|udp))?$/i.exec(text) ?? []
  if (port === '') throw malformed('--port', text, 'PORT, HOSTPORT:PORT or IP:HOSTPORT:PORT, and /udp')
  return {
    port: Number(port),
    ...(hostPort !== undefined && { hostPort: Number(hostPort) }),
    ...(ip !== undefined && { hostIp: ip.replace(/[[\]]/g, '') }),
    ...(protocol !== undefined && { protocol: protocol.toLowerCase() as 'tcp' | 'udp' }),
  }
}
