import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { readDocument, shellBlocks } from '../support/documents.ts'
import { MortalNode } from '../support/mortal-node.ts'

const run = promisify(execFile)

test('the commands of the guide to named tasks work in their order', { timeout: 300_000 }, async () => {
  const [image, alone] = [await ensureImage('hello-node'), await ensureImage('echo-socket')]
  await using node = await MortalNode.make()
  await node.start()

  const blocks = shellBlocks((await readDocument('docs/guide/serve-a-task.md')).text)
  assert.equal(blocks.length, 5)
  const script = ['set -e', 'curl() { command curl "$@"; echo; }', ...blocks].join('\n')
  const here = script
    .replaceAll('/run/errand/errand.sock', join(node.home.runDir, 'errand.sock'))
    .replaceAll('"errand-sample/hello-node"', `"${image}"`)
    .replaceAll('"errand-sample/echo-socket"', `"${alone}"`)
  const { stdout } = await run('bash', ['-o', 'pipefail', '-c', here])

  const [defined = '', answer, listed = '', removed, ...rest] = stdout.split('\n')
  const [alones = '', echoed, removedToo, gone = '', later = '', asked = ''] = rest
  assert.deepEqual([JSON.parse(defined).name, answer, removed], ['hello', 'Hello, hello!', ''])
  assert.equal(JSON.parse(listed).tasks.length, 1)
  assert.deepEqual([JSON.parse(alones).network, echoed, removedToo], ['none', 'hello', ''])
  assert.equal(JSON.parse(gone).code, 'not_found', 'streamed from a task that was removed before')
  assert.equal(JSON.parse(later).code, 'not_found', 'the same for later')
  assert.deepEqual(JSON.parse(asked).invocations, [])
})
