import { type Command, Option } from 'commander'
import type { ConfigFlags } from '../../daemon/config/flags.ts'
import type { CommandContext } from './command-context.ts'
import { withConfigFlags } from './config-flags.ts'

export function addServe(program: Command, { terminal, openDaemon, end }: CommandContext): void {
  withConfigFlags(program.command('serve').description('Run the daemon in the foreground.'))
    .addOption(new Option('--enable-faults', 'heed ERRAND_FAULT: for tests of crashes').hideHelp())
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ConfigFlags) => {
      const { serve } = await import('../serve.ts')
      end(await serve(flags, openDaemon, terminal))
    })
}

const EXAMPLES = `
Examples:
  errand serve --cpu 2 --mem 2048
  errand serve --listen 127.0.0.1:2591 unix:/run/errand/errand.sock
  errand serve --set tasks.concurrency=4 --set log.access=true

Flags win over environment (ERRAND_CPU=2), which wins over the file.
Exit status: 0 stopped as asked, 64 wrong command line, 69 no container engine,
network or free address, 70 our own fault, 74 state folder unusable, 75 state
folder in use by another daemon, 77 address not permitted, 78 wrong
configuration; 128 + N after a second signal N.`
