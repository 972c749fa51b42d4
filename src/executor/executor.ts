// What `errand/executor` exports: one-off executions inside another program, on Docker or on an engine of one's own.
export {
  type EndReason,
  type ExecutionStatus,
  type NunetStatus,
  nunetStatus,
  type TerminalStatus,
} from '../core/execution.ts'
export type * from '../core/execution-request.ts'
export type { ProvisionScript } from '../core/provision-script.ts'
export type { LogEntry, LogGap, LogRange } from '../logs/log-entry.ts'
export type * from '../service/executor.ts'
export { DockerExecutor, type DockerExecutorOptions } from './docker-executor.ts'
export type { ExecutorOptions } from './executor-options.ts'
export { type OpenEngine, openExecutor } from './open-executor.ts'
