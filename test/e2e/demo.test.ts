import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const DEMO = join(import.meta.dirname, '../../examples/demo.ts')

test('the demo shows cold and warm answers, failures, statistics and the end of idle tasks', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [DEMO], { timeout: 240_000 })
  assert.equal(stderr, '')
  for (const shown of [
    /hello-node[\s\S]*first request: .*Hello, world![\s\S]*cold start: .*queue .*create .*start .*ready .*firstByte/,
    /echo-socket[\s\S]*warm, median: .* straight to the instance .* the node adds/,
    /crash[\s\S]*"code":"task_exited"/,
    /never-ready[\s\S]*"code":"not_ready"/,
    /"total_cpu":/,
    /slow:latest was removed/,
    /POST \/stop: \{"success":true/,
  ]) {
    assert.match(stdout, shown)
  }
})
