import type { ErrorCode } from '../core/errors.ts'
import type { Task } from '../core/task.ts'
import type { TraceContext } from '../core/trace-context.ts'
import type { StartPhases } from '../instance/start-phases.ts'

/** Follows invocations. Nothing of it may throw. */
export interface InvocationTracer {
  /** @param parent what its caller says that it belongs to. Undefined for one that is not to be followed. */
  begin(task: Task, parent: TraceContext | undefined): InvocationTrace | undefined
  /**
   * One that was kept for later is begun.
   * @param acceptedMs milliseconds since the Unix epoch
   * @returns what it is to belong to; undefined when it is not to be followed by that
   */
  kept(acceptedMs: number, parent: TraceContext | undefined): TraceContext | undefined
}

/** One invocation that is followed. */
export interface InvocationTrace {
  /** It has an instance, after a start if that is what it waited for. Returns what the task is to belong to. Again for another instance. */
  lent(start: StartPhases | undefined): TraceContext
  ended(outcome: 'answered' | ErrorCode): void
}
