import type { Command } from 'commander'

/** The options of commands that talk to a daemon. Commander makes `ContextFlags` of them, by their names. */
export function withDaemonFlags(command: Command): Command {
  return command
    .option('-H, --host <url>', 'the daemon: unix:///PATH or http(s)://HOST:PORT')
    .option('--context <name>', 'a daemon that has a name: errand context')
    .option('--token-file <file>', 'a file that holds the token')
}
