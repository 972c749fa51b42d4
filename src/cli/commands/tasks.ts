import { type Command, Option } from 'commander'
import type { InstancesFlags } from '../tasks/instance-commands.ts'
import type { InvokeFlags } from '../tasks/invoke.ts'
import type { PutFlags } from '../tasks/task-body.ts'
import type { TaskOfFlags, TasksFlags } from '../tasks/task-commands.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'
import { collect, withTaskFlags } from './task-flags.ts'
import { wordsAfter } from './words.ts'

/** Adds the commands on named tasks, and on the warm instances that answer for them. */
export function addTasks(program: Command, context: CommandContext): void {
  addInvoke(program, context)
  const tasks = addList(program, context)
  addPut(tasks, context)
  addShow(tasks, context)
  addRemove(tasks, context)
  addInstances(program, context)
}

function addInvoke(program: Command, { terminal, end }: CommandContext): void {
  const invoke = program
    .command('invoke <name> [path]')
    .description('Send one request to a named task, and print what it answers.')
    .addOption(new Option('-X, --method <method>', 'default: POST with data, GET without').choices(METHODS))
    .option('-d, --data <data>', 'what is sent; @FILE for a file, @- for stdin')
    .option('-H, --header <Name: value>', 'a header of the request', collect)
    .option('-i, --include', 'print status and headers, too')
    .option('--raw', 'on a terminal, too, print the answer as it is')
    .option('--async', 'have it answered later: print an id, see errand invocations')
    .option('--webhook <url>', 'with --async: told of the end')
    .option('--idempotency-key <key>', 'with --async: the same key is the same request')
    .option('--idempotent', 'with --async: it may be sent again if it is lost')
    .option('--json', 'print status, headers and body as JSON')
    .addHelpText('after', INVOKE_EXAMPLES)
  withDaemonFlags(invoke, { host: '--host <url>' }).action(
    async (name: string, path: string | undefined, flags: InvokeFlags) => {
      const { sendToTask } = await import('../tasks/invoke.ts')
      end(await sendToTask(name, path ?? '/', flags, terminal))
    },
  )
}

function addList(program: Command, { terminal }: CommandContext): Command {
  return (
    withDaemonFlags(program.command('tasks').description('List named tasks, which warm instances answer for.'))
      // What follows `put` is its own, and its arguments would not fit beside what it does.
      .enablePositionalOptions()
      .configureHelp({ subcommandTerm: (command) => command.name() })
      .option('--json', 'print lines of JSON')
      .addHelpText('after', LIST_EXAMPLES)
      .action(async (flags: TasksFlags) => {
        const { listTasks } = await import('../tasks/task-commands.ts')
        await listTasks(flags, terminal)
      })
  )
}

function addPut(tasks: Command, { terminal }: CommandContext): void {
  const put = tasks
    .command('put <name> [image] [command...]')
    .description('Define a task, or define it anew.')
    .option('-f, --file <file>', 'all that it is, in YAML or JSON; - for stdin')
    .option('--port <port>', 'on which its server listens')
    .option('--readiness <how>', 'mark, connect or http:PATH')
    .option('--concurrency <count>', 'requests an instance answers at once; unlimited')
    .option('--keep-alive <time>', 'how long an idle instance stays, such as 5m')
    .option('--start-timeout <time>', 'how long it may take to be ready')
    .option('--request-timeout <time>', 'how long nothing may come of a request')
    .option('--json', 'print the task as JSON')
    .addHelpText('after', PUT_EXAMPLES)
  withTaskFlags(put, ['none', 'internal', 'egress'])
  withDaemonFlags(put).action(
    async (name: string, image: string | undefined, command: readonly string[], flags: PutFlags) => {
      const { putTask } = await import('../tasks/task-commands.ts')
      await putTask(name, image, wordsAfter(command), flags, terminal)
    },
  )
}

function addShow(tasks: Command, { terminal }: CommandContext): void {
  withDaemonFlags(tasks.command('show <name>').description('Print everything that is known of a task.'))
    .option('--caller <caller>', 'whose it is, for admin')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand tasks show resize\n  errand tasks show --json resize')
    .action(async (name: string, flags: TaskOfFlags) => {
      const { showTask } = await import('../tasks/task-commands.ts')
      await showTask(name, flags, terminal)
    })
}

function addRemove(tasks: Command, { terminal }: CommandContext): void {
  withDaemonFlags(tasks.command('rm <name...>').description('Forget tasks; requests under way are answered.'))
    .option('--caller <caller>', 'whose they are, for admin')
    .option('--json', 'print lines of JSON')
    .addHelpText('after', '\nExamples:\n  errand tasks rm resize')
    .action(async (names: readonly string[], flags: TaskOfFlags) => {
      const { removeTasks } = await import('../tasks/task-commands.ts')
      await removeTasks(names, flags, terminal)
    })
}

function addInstances(program: Command, { terminal }: CommandContext): void {
  const instances = withDaemonFlags(program.command('instances').description('List warm instances.'))
    .enablePositionalOptions()
    .option('--json', 'print lines of JSON')
    .addHelpText('after', '\nExamples:\n  errand instances\n  errand instances --json')
    .action(async (flags: InstancesFlags) => {
      const { listInstances } = await import('../tasks/instance-commands.ts')
      await listInstances(flags, terminal)
    })
  withDaemonFlags(instances.command('evict <id...>').description('End instances, once they have answered.'))
    .option('--json', 'print lines of JSON')
    .addHelpText('after', '\nExamples:\n  errand instances evict 4f1c09a2')
    .action(async (ids: readonly string[], flags: InstancesFlags) => {
      const { evictInstances } = await import('../tasks/instance-commands.ts')
      await evictInstances(ids, flags, terminal)
    })
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

const INVOKE_EXAMPLES = `
Examples:
  errand invoke resize -d @photo.jpg -H 'Content-Type: image/jpeg' > small.jpg
  errand invoke resize '/v2/info?verbose=1' -i
  tar -c data | errand invoke analyse -d @-
  errand invoke analyse -d @data --async

Both ways as it comes. Exit status: 0; 22 the task answered with an error status
(400 or more); what the node refuses by the table of errand's own.`

const LIST_EXAMPLES = `
Examples:
  errand tasks
  errand tasks --json`

const PUT_EXAMPLES = `
Examples:
  errand tasks put hello errand-sample/hello-node
  errand tasks put resize my/resize:2 --mem 512MiB --readiness http:/health
  errand tasks put hello alpine -- httpd -f -p 8080
  errand tasks put resize -f resize.yaml

Nothing is started before the first invocation.`
