import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')

test('the program of the guide runs on the built package and prints what its container said', {
  timeout: 180_000,
}, async () => {
  await ensureImage('busybox')
  await run('npm', ['run', '--silent', 'build'], { cwd: ROOT })
  const { stdout } = await run(process.execPath, [join(ROOT, 'examples/embed/run.ts')], { cwd: ROOT, timeout: 60_000 })
  assert.match(stdout, /^succeeded with 0 after \d+(\.\d+)? s of CPU: hello from a container\n$/)
  await rm('/var/lib/errand/executors/example', { recursive: true, force: true })
})
