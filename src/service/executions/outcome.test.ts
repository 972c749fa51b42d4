import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import { type HowItEnded, type Outcome, outcomeOf, outcomeOfError } from './outcome.ts'

function ended(how: Partial<HowItEnded> & { readonly exitCode?: number | undefined; readonly oom?: boolean }): Outcome {
  const { exitCode, oom = false, ...rest } = how
  return outcomeOf({
    end: { exitCode: 'exitCode' in how ? exitCode : 0, isOomKilled: oom },
    intent: undefined,
    isCommandMissing: false,
    failedScript: undefined,
    isOverOutputLimit: false,
    cause: 'itself',
    memoryBytes: 64 * MIB,
    network: 'none',
    ...rest,
  })
}

describe('an execution that ended', () => {
  test('with 0 and by itself has succeeded', () => {
    const { status, reason, exitCode, message } = ended({})
    assert.deepEqual(
      { status, reason, exitCode, message },
      { status: 'succeeded', reason: undefined, exitCode: 0, message: '' },
    )
  })

  test('with 0 after we told it to end has not succeeded', () => {
    assert.equal(ended({ intent: 'cancel' }).status, 'cancelled')
    assert.equal(ended({ intent: 'run_timeout' }).status, 'timed_out')
    assert.equal(ended({ intent: 'disk_limit' }).status, 'failed')
  })

  test('with 0 although a process of it ran out of memory has succeeded, with a warning', () => {
    const { status, warnings } = ended({ oom: true })
    assert.equal(status, 'succeeded')
    assert.equal(warnings.length, 1)
  })

  for (const [name, how, reason] of [
    ['another code', { exitCode: 3 }, 'exit_nonzero'],
    ['out of memory', { exitCode: 137, oom: true }, 'oom'],
    ['by SIGKILL from outside', { exitCode: 137 }, 'killed'],
    ['by SIGSEGV', { exitCode: 139 }, 'killed'],
    ['with its engine', { exitCode: 137, cause: 'engine' }, 'engine_restart'],
    ['with its engine, which it took for a reason to end', { exitCode: 0, cause: 'engine' }, 'engine_restart'],
    ['with what ran it', { exitCode: 137, cause: 'runtime' }, 'runtime_lost'],
    ['by the hand of somebody else', { exitCode: 143, cause: 'somebody' }, 'stopped_externally'],
    ['with 0 by the hand of somebody else', { exitCode: 0, cause: 'somebody' }, 'stopped_externally'],
    ['with its sandbox removed', { exitCode: undefined }, 'container_removed'],
    ['without a command', { exitCode: 127, isCommandMissing: true }, 'command_not_found'],
    ['in a provision script', { exitCode: 1, failedScript: 'a.sh' }, 'provision_failed'],
    ['with too much to bring in', { exitCode: 0, isOverOutputLimit: true }, 'output_limit'],
    ['on a full disk', { exitCode: 137, intent: 'disk_limit' }, 'disk_limit'],
  ] as const) {
    test(`${name} has failed: ${reason}`, () => {
      const outcome = ended(how)
      assert.equal(outcome.status, 'failed')
      assert.equal(outcome.reason, reason)
      assert.notEqual(outcome.message, '')
    })
  }

  test('names the signal that its exit code tells of, and the memory that was not enough', () => {
    assert.equal(ended({ exitCode: 143 }).signal, 'SIGTERM')
    assert.equal(ended({ exitCode: 3 }).signal, undefined)
    assert.match(ended({ exitCode: 137, oom: true }).message, /64 MiB/)
  })

  test('without a network says so when it failed, since that may be why', () => {
    assert.match(ended({ exitCode: 1 }).message, /no network/)
    assert.doesNotMatch(ended({ exitCode: 1, network: 'egress' }).message, /network/)
  })
})

test('an execution that could not be run has failed with the reason of the error, or was cancelled', () => {
  const error = new ErrandError('image_not_found', 'no such image')
  assert.deepEqual(outcomeOfError(error, undefined), {
    status: 'failed',
    reason: 'image_not_found',
    message: 'no such image',
    exitCode: -1,
    isOomKilled: false,
    warnings: [],
  })
  assert.equal(outcomeOfError(error, 'cancel').status, 'cancelled')
  assert.equal(outcomeOfError(new ErrandError('internal', 'x'), undefined).reason, 'engine_error')
})
