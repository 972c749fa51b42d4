import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExecutionView } from '../../client/client.ts'
import { runStatus } from './run-status.ts'

test('the exit status is the workload’s own, or tells why it has none', () => {
  const ends: [Partial<ExecutionView>, number][] = [
    [{ status: 'succeeded', exitCode: 0 }, 0],
    [{ status: 'failed', reason: 'exit_nonzero', exitCode: 7 }, 7],
    [{ status: 'failed', reason: 'killed', exitCode: 137 }, 137],
    [{ status: 'failed', reason: 'oom', exitCode: 1 }, 137],
    [{ status: 'failed', reason: 'command_not_found', exitCode: 127 }, 127],
    [{ status: 'failed', reason: 'command_not_found', exitCode: 126 }, 126],
    [{ status: 'failed', reason: 'command_not_found', exitCode: -1 }, 127],
    [{ status: 'failed', reason: 'image_not_found', exitCode: -1 }, 125],
    [{ status: 'failed', reason: 'disk_limit', exitCode: 137 }, 125],
    [{ status: 'failed', reason: 'container_removed', exitCode: -1 }, 125],
    [{ status: 'timed_out', reason: 'run_timeout', exitCode: 143 }, 124],
    [{ status: 'timed_out', reason: 'queue_timeout', exitCode: -1 }, 124],
    [{ status: 'cancelled', exitCode: 143 }, 130],
    [{ status: 'lost', reason: 'host_reboot', exitCode: -1 }, 75],
  ]
  for (const [end, status] of ends) {
    assert.equal(runStatus({ message: '', ...end } as ExecutionView), status, JSON.stringify(end))
  }
})
