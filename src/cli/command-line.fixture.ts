import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import { runCommand } from './program.ts'
import { type TestTerminal, type TestTerminalOptions, testTerminal } from './test-terminal.fixture.ts'

/** For commands that talk to a daemon, and open none. */
export const neverOpen = async (): Promise<never> => {
  throw new Error('no daemon is opened here')
}

interface EndedCommand extends TestTerminal {
  readonly status: number
}

/** Runs a command line against one daemon to its end. */
export type RunLine = (words: readonly string[], options?: TestTerminalOptions) => Promise<EndedCommand>

/** For the daemon at an address, as `--host` takes it; `ERRAND_HOST` tells commands. */
export function commandLine(url: string): RunLine {
  return async (words, options = {}) => {
    const terminal = testTerminal({ ...options, environment: { ERRAND_HOST: url, ...options.environment } })
    const status = await runCommand(words, neverOpen, terminal)
    assert.equal(terminal.listeners(), 0, 'no listener is left')
    return { ...terminal, status }
  }
}

/** Asserts that nothing that was printed is wider than a terminal, colours aside, and resolves with it. */
export function assertFits(text: string, columns: number): string {
  const plain = stripVTControlCharacters(text)
  for (const line of plain.split('\n')) assert.ok(line.length <= columns, line)
  return plain
}
