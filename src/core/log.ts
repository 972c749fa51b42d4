/** Structured log, as pino understands it: facts first, then one sentence. Never a secret, never a task's input. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** For embedders and tests that want none. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
