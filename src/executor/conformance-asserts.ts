import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import type { LogEntry } from '../logs/log-entry.ts'

const LEAK_DEADLINE_MS = 10_000

/** Open files and sockets of this process. */
export async function countDescriptors(): Promise<number> {
  return (await readdir('/proc/self/fd')).length
}

/** Sockets may take some turns to close. @throws when there are more open files than that for long */
export async function assertDescriptors(most: number): Promise<void> {
  const deadlineMs = performance.now() + LEAK_DEADLINE_MS
  for (;;) {
    const count = await countDescriptors()
    if (count <= most) return
    assert.ok(performance.now() < deadlineMs, `${count} open files, ${most} before the test`)
    await sleep(20)
  }
}

/** Asserts that `work` is refused with this code of ours. */
export async function refused(work: Promise<unknown>, code: ErrorCode): Promise<ErrandError> {
  const error = await work.then(
    () => assert.fail(`it was not refused with ${code}`),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof ErrandError, `not one of our errors: ${String(error)}`)
  assert.equal(error.code, code, error.message)
  return error
}

/** The bytes of a log's stream. */
export function bytesOf(entries: readonly LogEntry[], stream: LogEntry['stream']): Buffer {
  return Buffer.concat(entries.filter((entry) => entry.stream === stream).map(({ data }) => data))
}
