import { ErrandError, type ErrorDetails } from '../core/errors.ts'
import { MIB, type Resources } from '../core/resources.ts'
import type { Engine, SandboxSpec, SandboxView } from '../engine/engine.ts'
import { EngineUnresponsive } from '../engine/engine-breaker.ts'
import { provisionFailure } from '../files/provision.ts'
import type { DiskOverrun, InstanceExit, InstancePlan } from './instance.ts'

/** Why a start failed whose task has exited. */
export function exitError(
  engine: Pick<Engine, 'explainExit'>,
  exit: InstanceExit,
  { resources: limits, process }: Pick<SandboxSpec, 'resources' | 'process'>,
): ErrandError {
  const { exitCode, log } = exit
  if (exitCode === undefined) return new ErrandError('task_gone', 'the task was removed while it started')
  const script = process.prefix === undefined ? undefined : failedScript(exitCode, log)
  if (script !== undefined) {
    return new ErrandError(
      'task_exited',
      `the provision script ${script} exited with ${exitCode}${causeOf(exit, limits)}`,
      {
        details: { reason: 'provision_failed', script, ...exitDetails(exit, limits) },
      },
    )
  }
  const code = engine.explainExit(exitCode, log) ?? 'task_exited'
  const what = code === 'command_not_found' ? "the image's command cannot be executed" : 'the task exited'
  return new ErrandError(code, `${what}: exit code ${exitCode}${causeOf(exit, limits)}, before it was ready`, {
    details: exitDetails(exit, limits),
  })
}

/** Of both streams, in whose order the last words need not be the last. */
function failedScript(exitCode: number, log: string): string | undefined {
  const failures = log.split('\n').map((line) => provisionFailure(exitCode, line))
  return failures.findLast((failure) => failure !== undefined)?.script
}

export function notReadyError(
  { startTimeoutMs, spec: { network } }: Pick<InstancePlan, 'startTimeoutMs' | 'spec'>,
  log: string,
): ErrandError {
  const hint = network === 'none' ? '; without a network it can serve on the socket in ERRAND_SOCKET alone' : ''
  return new ErrandError('not_ready', `the task was not ready within ${startTimeoutMs} ms${hint}`, { details: { log } })
}

/** Says nothing of the task, which has not come to run. */
export function engineTooLateError(startTimeoutMs: number): ErrandError {
  return new ErrandError('engine_unavailable', `the engine did not start the task within ${startTimeoutMs} ms`, {
    retryAfterMs: 1000,
  })
}

/** Whether the engine has said no, or was not asked: nothing has happened. */
export function isRefused(error: unknown): boolean {
  return error instanceof EngineUnresponsive || ErrandError.from(error).code !== 'engine_unavailable'
}

/** Engines drop limits that the host cannot enforce with no more than a warning: read them back. */
export function limitsError(asked: Resources, set: SandboxView['limits']): ErrandError | undefined {
  if (set.cpuMillis === asked.cpuMillis && set.memoryBytes === asked.memoryBytes && set.pids > 0) return undefined
  return new ErrandError(
    'runtime_unavailable',
    `the engine set other limits than asked for: ${set.cpuMillis / 1000} cores, ${set.memoryBytes / MIB} MiB, ${set.pids} processes`,
    { details: { asked: { cpuMillis: asked.cpuMillis, memoryBytes: asked.memoryBytes }, set } },
  )
}

/** What requests get whose instance ended under them. */
export function diedError(exit: InstanceExit, limits: MemoryLimit): ErrandError {
  const { exitCode } = exit
  if (exitCode === undefined) return new ErrandError('task_gone', 'the instance was removed from outside')
  return new ErrandError('task_exited', `the task exited: exit code ${exitCode}${causeOf(exit, limits)}`, {
    details: exitDetails(exit, limits),
  })
}

type MemoryLimit = Pick<Resources, 'memoryBytes'>

function causeOf({ isOomKilled, overrun }: InstanceExit, { memoryBytes }: MemoryLimit): string {
  if (overrun !== undefined) return ` (it wrote more to its disk than its limit: ${describeLimit(overrun)})`
  return isOomKilled ? ` (out of memory: its limit is ${memoryBytes / MIB} MiB)` : ''
}

function describeLimit({ used, limit }: DiskOverrun): string {
  return used.bytes > limit.bytes ? `${limit.bytes / MIB} MiB` : `${limit.inodes} files`
}

function exitDetails(exit: InstanceExit, { memoryBytes }: MemoryLimit): ErrorDetails {
  const { exitCode, isOomKilled, overrun, log } = exit
  return {
    exitCode,
    oomKilled: isOomKilled,
    ...(isOomKilled && { memoryLimitBytes: memoryBytes }),
    ...(overrun && overrunDetails(overrun)),
    log,
  }
}

function overrunDetails({ used, limit }: DiskOverrun): ErrorDetails {
  return {
    reason: 'disk_limit',
    diskUsedBytes: used.bytes,
    diskUsedFiles: used.inodes,
    diskLimitBytes: limit.bytes,
    diskLimitFiles: limit.inodes,
  }
}

/** What of an error's details goes into our own log: a task may have printed its input, which is its caller's alone. */
export function loggableDetails(details: ErrorDetails): ErrorDetails {
  return Object.fromEntries(Object.entries(details).filter(([name]) => name !== 'log'))
}
