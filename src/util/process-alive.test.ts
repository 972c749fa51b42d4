import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { isProcessAlive } from './process-alive.ts'

test('a process is alive until it has ended', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  await once(child, 'spawn')
  const { pid } = child
  assert.ok(pid !== undefined)
  assert.equal(isProcessAlive(pid), true)
  child.stdin.end()
  await once(child, 'exit')
  assert.equal(isProcessAlive(pid), false)
})
