import type { TaskView } from '../../client/client.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { forEach, showId } from '../for-each.ts'
import { describeGpus } from '../output/describe-gpus.ts'
import { describeFacts, type Fact } from '../output/facts.ts'
import { formatBytes, formatCoreCount, formatCores, formatDuration } from '../output/format.ts'
import { printJson, printJsonLine } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import { shortImage } from '../output/short-image.ts'
import { type Column, table } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { type PutFlags, readTaskBody } from './task-body.ts'

export interface TasksFlags extends ContextFlags {
  readonly json?: boolean
}

export interface TaskOfFlags extends TasksFlags {
  readonly caller?: string
}

const COLUMNS: readonly Column<TaskView>[] = [
  { title: 'NAME', value: ({ name }) => name, cutFirst: 0 },
  { title: 'IMAGE', value: ({ image }) => shortImage(image), cutFirst: 2 },
  { title: 'CPU', value: ({ resources }) => formatCores(resources.cpu * 1000), align: 'right' },
  { title: 'MEMORY', value: ({ resources }) => formatBytes(resources.memory), align: 'right' },
  { title: 'CALLER', value: ({ caller }) => caller, cutFirst: 1 },
]

/** Prints tasks by name. */
export async function listTasks(flags: TasksFlags, terminal: Terminal): Promise<void> {
  const tasks = await withClient(flags, terminal, (client) => Array.fromAsync(client.tasks.list()))
  if (flags.json === true) for (const task of tasks) printJsonLine(terminal.stdout, task)
  else terminal.stdout.write(table(COLUMNS, tasks, terminal.stdout))
}

/** Defines a task, or defines it anew. @throws validation_failed; not_found for a file that is not there */
export async function putTask(
  name: string,
  image: string | undefined,
  command: readonly string[],
  flags: PutFlags,
  terminal: Terminal,
): Promise<void> {
  const body = await readTaskBody(image, command, flags, terminal)
  const task = await withClient(flags, terminal, ({ tasks }) => tasks.put(name, body))
  if (flags.json === true) printJson(terminal.stdout, task)
  else terminal.stdout.write(`${task.name}\n`)
}

/** Prints one task, for people unless JSON is asked for. */
export async function showTask(name: string, { caller, ...flags }: TaskOfFlags, terminal: Terminal): Promise<void> {
  const options = caller === undefined ? {} : { caller }
  const task = await withClient(flags, terminal, ({ tasks }) => tasks.get(name, options))
  if (flags.json === true) printJson(terminal.stdout, task)
  else terminal.stdout.write(describeFacts(factsOf(task), terminal.stdout))
}

/** Forgets tasks, and prints the names of those that are. */
export async function removeTasks(
  names: readonly string[],
  { caller, ...flags }: TaskOfFlags,
  terminal: Terminal,
): Promise<void> {
  const options = caller === undefined ? {} : { caller }
  await forEach(names, flags, terminal, {
    act: ({ tasks }, name, signal) => tasks.remove(name, { ...options, signal }),
    show: showId(flags, (_removed, name) => ({ removed: name })),
  })
}

function factsOf(task: TaskView): Fact[] {
  const { resources, keepAliveMs, startTimeoutMs, requestTimeoutMs } = task
  const { cpu, memory, gpus, disk, pids } = resources
  const facts: [string, string | undefined][] = [
    ['name', task.name],
    ['image', task.image],
    ['entrypoint', task.entrypoint?.join(' ')],
    ['command', task.cmd?.join(' ')],
    ['environment', task.env.length === 0 ? undefined : task.env.join(', ')],
    ['workdir', task.workingDir],
    ['user', task.user],
    ['cpu', formatCoreCount(cpu * 1000)],
    ['memory', formatBytes(memory)],
    ['gpus', gpus.length === 0 ? undefined : gpus.map(describeGpus).join('; ')],
    ['disk', disk === undefined ? undefined : formatBytes(disk)],
    ['processes', pids?.toString()],
    ['isolation', `${task.isolation}${task.sgx ? ', with SGX' : ''}`],
    ['network', task.network],
    ['profile', task.profile],
    ['preset', task.preset],
    ['provision', task.provision?.join(', ')],
    ['port', task.port?.toString()],
    ['readiness', task.readiness],
    ['concurrency', task.concurrency?.toString()],
    ['keep-alive', timeOf(keepAliveMs)],
    ['start', timeOf(startTimeoutMs)],
    ['request', timeOf(requestTimeoutMs)],
    ['caller', task.caller],
    ['created', task.created],
    ['updated', task.updated],
  ]
  return facts.flatMap(([label, text]) => (text === undefined ? [] : [[label, neutralize(text)] as const]))
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(ms)
}
