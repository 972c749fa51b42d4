import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { GuideExamples } from '../support/guide-examples.ts'
import { Home } from '../support/serve-process.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const OUTPUT = 'stdout: line 1\nstdout: line 2\nstdout: line 3\nfailed (exit_nonzero) with 4\n'

test('the program of the guide runs on the built package, over the socket and with a token', {
  timeout: 300_000,
}, async () => {
  await ensureImage('busybox')
  await run('npm', ['run', '--silent', 'build'], { cwd: ROOT })
  await using home = await Home.make()
  const socket = join(home.runDir, 'errand.sock')
  await using node = await home.serve({ listen: ['127.0.0.1:0', `unix:${socket}`] })
  const example = (...args: readonly string[]): Promise<{ readonly stdout: string }> =>
    run(process.execPath, [join(ROOT, 'examples/client/run.ts'), ...args], { cwd: ROOT, timeout: 60_000 })
  assert.equal((await example(`unix://${socket}`)).stdout, OUTPUT)

  const create = ['token', 'create', 'ci', '--state-dir', home.stateDir]
  const { stdout: token } = await run(join(ROOT, 'bin/errand'), create)
  const tokenFile = join(home.folder, 'token')
  await writeFile(tokenFile, token, { mode: 0o600 })
  const [address] = await node.addresses()
  assert.equal((await example(`http://${address}`, tokenFile)).stdout, OUTPUT)
})

test('docs/guide/client.md has three complete examples, which compile', async () => {
  await using examples = await GuideExamples.extract('client.md')
  assert.equal(examples.files.length, 3)
  await examples.compile()
})
