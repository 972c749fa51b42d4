import type { Command } from 'commander'

/** The options of commands that talk to a daemon. Commander makes `ContextFlags` of them, by their names. `host`: how the first is written. */
export function withDaemonFlags(
  command: Command,
  { host = '-H, --host <url>' }: { readonly host?: string } = {},
): Command {
  return command
    .option(host, 'the daemon: unix:///PATH or http(s)://HOST:PORT')
    .option('--context <name>', 'a daemon that has a name: errand context')
    .option('--token-file <file>', 'a file that holds the token')
    .option('--ca <file>', 'who may vouch for https, as PEM')
}
