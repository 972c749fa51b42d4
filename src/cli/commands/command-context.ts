import type { OpenDaemon } from '../serve.ts'
import type { Terminal } from '../terminal.ts'

/** What every command gets. A command is added by a function `(program, context)` in a file of its own in this folder. */
export interface CommandContext {
  readonly terminal: Terminal
  /** Puts a daemon together and starts it. */
  readonly openDaemon: OpenDaemon
  /** Says what the process ends with, for a command that did not fail. Default: 0. */
  readonly end: (status: number) => void
}
