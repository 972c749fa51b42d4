import type { Command } from 'commander'
import type { CreateFlags, JsonFlag } from '../context/manage-contexts.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'

/** Adds `errand context`, which gives addresses of daemons names. */
export function addContext(program: Command, commandContext: CommandContext): void {
  const context = program.command('context').description('Give addresses of daemons names.')
  addCreate(context, commandContext)
  addUse(context, commandContext)
  addList(context, commandContext)
  addShow(context, commandContext)
  addRemove(context, commandContext)
}

function addCreate(context: Command, { terminal }: CommandContext): void {
  context
    .command('create <name>')
    .description('Name a daemon; the first that is named is used.')
    .requiredOption('--url <url>', 'unix:///PATH or http(s)://HOST:PORT')
    .option('--token-file <file>', 'a file that holds the token')
    .option('--ca <file>', 'who may vouch for https, as PEM')
    .option('--json', 'print JSON')
    .addHelpText('after', CREATE_EXAMPLES)
    .action(async (name: string, flags: CreateFlags) => {
      const { createContext } = await import('../context/manage-contexts.ts')
      await createContext(name, flags, terminal)
    })
}

function addUse(context: Command, { terminal }: CommandContext): void {
  context
    .command('use <name>')
    .description('Talk to this one from now on.')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand context use lab')
    .action(async (name: string, flags: JsonFlag) => {
      const { useContext } = await import('../context/manage-contexts.ts')
      await useContext(name, flags, terminal)
    })
}

function addList(context: Command, { terminal }: CommandContext): void {
  context
    .command('list')
    .alias('ls')
    .description('Print all; the one in use has a star.')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand context list\n  errand context list --json')
    .action(async (flags: JsonFlag) => {
      const { listContexts } = await import('../context/manage-contexts.ts')
      await listContexts(flags, terminal)
    })
}

function addShow(context: Command, { terminal }: CommandContext): void {
  withDaemonFlags(context.command('show').description('Print the daemon that commands talk to now.'))
    .option('--json', 'print JSON')
    .addHelpText('after', SHOW_EXAMPLES)
    .action(async (flags: ContextFlags & JsonFlag) => {
      const { showContext } = await import('../context/manage-contexts.ts')
      await showContext(flags, terminal)
    })
}

function addRemove(context: Command, { terminal }: CommandContext): void {
  context
    .command('rm <name>')
    .description('Forget one; its token stays in its file.')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand context rm lab')
    .action(async (name: string, flags: JsonFlag) => {
      const { removeContext } = await import('../context/manage-contexts.ts')
      await removeContext(name, flags, terminal)
    })
}

const CREATE_EXAMPLES = `
Examples:
  errand context create lab --url https://lab:2592 --token-file ~/.errand-lab
  errand context create own --url https://own:2592 --ca ~/own-ca.pem
  errand context create local --url unix:///run/errand/errand.sock

ERRAND_HOST, ERRAND_TOKEN_FILE and ERRAND_CA_FILE, and the flags of a command,
win over the context in use.`

const SHOW_EXAMPLES = `
Examples:
  errand context show
  errand context show --host https://lab:2592 --json`
