import { type Command, Option } from 'commander'
import { ISOLATIONS } from '../../core/task.ts'

/** The options that say what a task is. Commander makes `TaskFlags` of them, by their names. */
export function withTaskFlags(command: Command, networks: readonly string[]): Command {
  return command
    .option('-e, --env <NAME=VALUE>', 'environment; NAME alone: as in this shell', collect)
    .option('--env-file <file>', 'environment, a NAME=VALUE on each line', collect)
    .option('--cpu <cores>', 'cores, such as 0.5')
    .option('--mem <size>', 'memory, such as 256MiB')
    .option('--disk <size>', 'what it may write')
    .option('--pids <count>', 'processes and threads at a time')
    .option('--gpus <count>', 'GPUs, or which: count=2,vendor=nvidia,model=A100', collect)
    .addOption(new Option('--isolation <kind>', 'how it is kept apart').choices(ISOLATIONS))
    .option('--sgx', 'give it the SGX device')
    .addOption(new Option('--profile <profile>', 'what it may do').choices(['standard', 'strict']))
    .option('--preset <name>', 'what the node grants beyond strict')
    .addOption(new Option('--network <kind>', 'what it reaches').choices(networks))
    .option('--entrypoint <word>', "instead of the image's")
    .option('-w, --workdir <path>', 'where the command runs')
    .option('-u, --user <user>', 'who it runs as')
}

/** An option that may be given again. Not `<value...>`, which would take the argument after it for another value. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
