// The package's main entry: a node inside another program.
export { type Log, silentLog } from '../core/log.ts'
export type { Grant, Invocation, NodeApi, NodeStats, TaskAnswer } from '../service/node-api.ts'
export type { Config } from './config/config.ts'
export type { ConfigFlags } from './config/flags.ts'
export { loadConfig } from './config/load.ts'
export { Daemon, type DaemonDeps } from './daemon.ts'
