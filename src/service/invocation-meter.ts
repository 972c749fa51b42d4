import type { ErrorCode } from '../core/errors.ts'

/** Told of each invocation once it is over: whether the task answered, whatever its status, or why it did not. Must not throw. */
export interface InvocationMeter {
  ended(outcome: 'answered' | ErrorCode): void
}
