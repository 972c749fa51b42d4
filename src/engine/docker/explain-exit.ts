/** How the init process says that it could not execute the task's command (126: not executable, 127: not there). */
const TINI_FAILURE = /^\[FATAL tini \(\d+\)\] exec .* failed: /m
const TINI_EXIT_CODES: readonly number[] = [126, 127]

/** Names what an exit means where it was not the task that exited. Pure. */
export function explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined {
  return TINI_EXIT_CODES.includes(exitCode) && TINI_FAILURE.test(lastOutput) ? 'command_not_found' : undefined
}
