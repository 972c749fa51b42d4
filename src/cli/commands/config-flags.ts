import type { Command } from 'commander'

/** The options of what reads the daemon's configuration. Commander makes `ConfigFlags` of them, by their names. */
export function withConfigFlags(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (YAML)')
    .option('-l, --listen <address...>', 'HOST:PORT or unix:/PATH, instead of those\nof the file')
    .option('--state-dir <folder>', 'what must survive a restart')
    .option('--run-dir <folder>', 'sockets')
    .option('--node <name>', "this node's name")
    .option('--docker-host <url>', 'unix:///PATH of the Docker Engine')
    .option('--cpu <cores>', 'cores offered to tasks')
    .option('--mem <MB>', 'memory offered to tasks')
    .option('--log-level <level>', 'debug, info, warn or error')
    .option('-s, --set <KEY=VALUE...>', 'any key of the configuration')
}
