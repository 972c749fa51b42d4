import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { ConfigError } from '../daemon/config/config-error.ts'
import { StateFolderLocked } from '../service/state-folder.ts'
import { SERVE_STATUS } from './exit-status.ts'
import { describeFailure } from './failure.ts'
import { isHarmless, TERMINAL_ATTACKS } from './output/terminal-attacks.fixture.ts'
import { runCommand } from './program.ts'
import { testTerminal } from './test-terminal.fixture.ts'

test('a failure ends with the status of its code; a daemon with those of its configuration', () => {
  const status = (error: unknown, statuses = {}) => describeFailure(error, { statuses }).status
  assert.equal(status(new ErrandError('not_found', 'x')), 66)
  assert.equal(status(new ErrandError('queue_full', 'x')), 75)
  assert.equal(status(new ErrandError('validation_failed', 'x')), 65)
  assert.equal(status(new ErrandError('validation_failed', 'x'), SERVE_STATUS), 78)
  assert.equal(status(new ErrandError('engine_unavailable', 'x'), SERVE_STATUS), 69)
  assert.equal(status(new StateFolderLocked('/s', undefined)), 75)
  assert.equal(status(new ConfigError([])), 78)
  assert.equal(status('thrown text'), 70)
})

test('a failure comes with what the task printed, and a missing token with how to give one; JSON has it all', () => {
  const details = { exitCode: 3, log: 'no such module\n\u001b[2J' }
  const error = new ErrandError('task_exited', 'the task exited: exit code 3', { details })
  assert.match(describeFailure(error).text, /^errand: the task exited: exit code 3\nno such module\n.*\n$/)
  assert.ok(isHarmless(describeFailure(error).text))
  const { error: problem } = JSON.parse(describeFailure(error, { json: true }).text) as { error: { details: object } }
  assert.deepEqual(problem.details, details)
  const { text } = describeFailure(new ErrandError('unauthenticated', 'this needs a token'))
  assert.equal(text, 'errand: this needs a token (name a file with one: --token-file, ERRAND_TOKEN_FILE)\n')
})

test('no message of an error, and no word of a command line, gives a terminal an instruction', async () => {
  for (const { text } of TERMINAL_ATTACKS) {
    const origin = { kind: 'file', path: text, line: 1 } as const
    const failures = [
      new ErrandError('internal', text),
      new Error(text),
      new ConfigError([{ origin, key: text, message: text }]),
    ]
    for (const error of failures) assert.ok(isHarmless(describeFailure(error).text))
    for (const args of [[text], ['serve', `--${text}`], ['token', 'revoke', text], ['context', 'use', text]]) {
      const terminal = testTerminal({ columns: 80 })
      const status = await runCommand(args, () => Promise.reject(new Error('no daemon')), terminal)
      assert.notEqual(status, 0)
      assert.ok(isHarmless(terminal.printed.stderr + terminal.printed.stdout), args[0])
    }
  }
})
