import type { Command } from 'commander'
import type { RunFlags } from '../run/run-flags.ts'
import type { CommandContext } from './command-context.ts'
import { withDaemonFlags } from './daemon-flags.ts'
import { collect, withTaskFlags } from './task-flags.ts'
import { wordsAfter } from './words.ts'

/** Adds `errand run`. */
export function addRun(program: Command, { terminal, openDaemon, end }: CommandContext): void {
  const run = program
    .command('run [image] [command...]')
    .description('Run a command in an image to its end, and show its output.')
    .option('-f, --file <file>', 'what to run, in YAML or JSON; - for stdin')
    .option('-d, --detach', 'print the id and leave it running')
    .option('-i, --input <PATH:/TARGET>', 'send a file or folder, - for stdin; :rw makes it writable', collect)
    .option('-o, --output </PATH>', 'bring a result here, or to FOLDER: /PATH:FOLDER', collect)
    .option('-p, --port <HOSTPORT:PORT>', 'on 127.0.0.1 unless the node allows more', collect)
    .option('--timeout <time>', 'end it after that, such as 15m')
    .option('--queue-timeout <time>', 'give up waiting for room after that')
    .option('--pull-timeout <time>', 'give up waiting for its image after that')
    .option('--grace <time>', 'from asking it to end to killing it')
    .option('--retention <time>', 'how long it is kept after its end')
    .option('--priority <number>', '-100 to 100, the higher first')
    .option('--idempotent', 'it may be run again if it is lost')
    .option('-l, --label <NAME=VALUE>', 'labels', collect)
    .option('--webhook <url>', 'who is told of its end')
    .option('--job <job>', 'what it belongs to')
    .option('--id <id>', 'its id, instead of a new one')
    .option('--rm', 'forget it once it has ended')
    .option('--local', 'without a daemon: run it in this process')
    .option('--raw', 'on a terminal, too, print the output as it is')
    .option('--json', 'print the record instead of the output')
    // `errand run IMAGE ls -l`: what follows the image is not ours.
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
  withTaskFlags(run, ['none', 'internal', 'egress'])
  withDaemonFlags(run).action(async (image: string | undefined, command: readonly string[], flags: RunFlags) => {
    if (image === undefined && flags.file === undefined) run.error('error: give an image, or --file')
    const { run: runImage } = await import('../run/run.ts')
    end(await runImage(image, wordsAfter(command), flags, openDaemon, terminal))
  })
}

const EXAMPLES = `
Examples:
  errand run alpine -- echo hello
  errand run --mem 512MiB --timeout 10m python:3.13 -- python -c 'print(6*7)'
  errand run -i ./data:/data -o /out:./results trainer
  errand run -d --label team=vision trainer -- --epochs 10
  errand run -f job.yaml --mem 2GiB

Ctrl-C ends it gracefully; a second one leaves it running. The exit status is
the command's own; 75 what became of it is not known, 124 timed out, 125 could
not be run, 126 cannot be executed, 127 no such command, 130 cancelled, 137 out
of memory.`
