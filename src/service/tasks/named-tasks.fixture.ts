import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ErrandError, type ErrorCode } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { Task } from '../../core/task.ts'
import { NamedTasks } from './named-tasks.ts'
import { TaskFile } from './task-file.ts'
import type { TaskRequest } from './task-request.ts'

/** What each test of named tasks begins anew with, and what it has seen. */
export class TasksWorld {
  readonly clock: ManualClock = new ManualClock()
  folder = ''
  changes = 0
  impossible: ErrandError | undefined
  checked: Task[] = []

  async begin(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'errand-tasks-'))
    this.changes = 0
    this.checked = []
    this.impossible = undefined
  }

  async end(): Promise<void> {
    await rm(this.folder, { recursive: true })
  }

  open(): Promise<NamedTasks> {
    return NamedTasks.open({
      file: new TaskFile(this.folder),
      readyMark: 'up',
      clock: this.clock,
      assertPossible: (task) => {
        this.checked.push(task)
        if (this.impossible !== undefined) throw this.impossible
      },
      onChanged: () => {
        this.changes += 1
      },
    })
  }
}

/** Whether that is what was thrown. */
export function coded(code: ErrorCode, text?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ErrandError)
    assert.equal(error.code, code, error.message)
    if (text !== undefined) assert.match(error.message, text)
    return true
  }
}

/** A definition that says everything. */
export const FULL: TaskRequest = {
  image: 'localhost:5000/resize:1',
  entrypoint: ['/bin/serve'],
  cmd: ['--fast'],
  env: { MODE: 'fast', EMPTY: '' },
  workingDir: '/srv',
  user: '1000:1000',
  resources: { cpu: 0.5, memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 20, pids: 7 },
  isolation: 'gvisor',
  sgx: true,
  network: 'internal',
  profile: 'strict',
  preset: 'many-threads',
  port: 80,
  readiness: 'http:/up?x=1',
  concurrency: 'unlimited',
  keepAliveMs: 0,
  startTimeoutMs: 2,
  requestTimeoutMs: 3,
}

/** Each with its caller. */
export function names(records: readonly { readonly name: string; readonly callerId: string }[]): string[] {
  return records.map(({ name, callerId }) => `${name} ${callerId}`)
}
