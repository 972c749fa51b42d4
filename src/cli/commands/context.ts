import type { Command } from 'commander'
import type { JsonFlag } from '../context/manage-contexts.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'

/** Adds `errand context`, which gives addresses of daemons names. */
export function addContext(program: Command, { terminal }: CommandContext): void {
  const context = program.command('context').description('Give addresses of daemons names.')

  context
    .command('create <name>')
    .description('Name a daemon; the first that is named is used.')
    .requiredOption('--url <url>', 'unix:///PATH or http(s)://HOST:PORT')
    .option('--token-file <file>', 'a file that holds the token')
    .option('--json', 'print JSON')
    .addHelpText('after', CREATE_EXAMPLES)
    .action(async (name: string, flags: { readonly url: string; readonly tokenFile?: string } & JsonFlag) => {
      const { createContext } = await import('../context/manage-contexts.ts')
      await createContext(name, flags, terminal)
    })

  context
    .command('use <name>')
    .description('Talk to this one from now on.')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  errand context use lab')
    .action(async (name: string, flags: JsonFlag) => {
      const { useContext } = await import('../context/manage-contexts.ts')
      await useContext(name, flags, terminal)
    })

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

  withDaemonFlags(context.command('show').description('Print the daemon that commands talk to now.'))
    .option('--json', 'print JSON')
    .addHelpText('after', SHOW_EXAMPLES)
    .action(async (flags: ContextFlags & JsonFlag) => {
      const { showContext } = await import('../context/manage-contexts.ts')
      await showContext(flags, terminal)
    })

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
  errand context create local --url unix:///run/errand/errand.sock

ERRAND_HOST and ERRAND_TOKEN_FILE, and the flags of a command, win over the
context in use.`

const SHOW_EXAMPLES = `
Examples:
  errand context show
  errand context show --host https://lab:2592 --json`
