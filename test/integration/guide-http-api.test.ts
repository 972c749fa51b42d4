import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { readDocument, shellBlocks } from '../support/documents.ts'
import { MortalNode } from '../support/mortal-node.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

test('the commands of the guide to the HTTP interface work in their order', { timeout: 300_000 }, async () => {
  const image = await ensureImage('busybox')
  await using node = await MortalNode.make()
  await node.start()
  const { runDir, stateDir } = node.home
  const [address = ''] = await node.served.addresses()

  const { text: page } = await readDocument('docs/guide/http-api.md')
  const blocks = shellBlocks(page)
  assert.equal(blocks.length, 6)
  const errand = `errand() { '${ROOT}/bin/errand' "$@" --state-dir '${stateDir}'; }`
  const curl = 'curl() { command curl "$@"; echo; }'
  // What is submitted has to have ended before the node does.
  const drain = "v1 '/node/drain?timeout=60s' -X POST"
  const script = ['set -e', errand, curl, ...blocks, drain].join('\n')
  const here = script
    .replaceAll('/run/errand/errand.sock', join(runDir, 'errand.sock'))
    .replaceAll('127.0.0.1:2591', address)
    .replaceAll('"alpine"', `"${image}"`)
  const { stdout } = await run('bash', ['-o', 'pipefail', '-c', here], { env: { PATH: process.env.PATH } })

  const answers = stdout.split('\n').filter((line) => line.startsWith('{'))
  const [submitted, ended, printed, view, byToken, first, again] = answers.map((line) => JSON.parse(line))
  assert.deepEqual([submitted.id, submitted.status], ['hello', 'accepted'])
  assert.deepEqual([ended.status, ended.reason, ended.exitCode], ['failed', 'exit_nonzero', 3])
  assert.deepEqual([printed.stream, printed.data], ['stdout', 'hello\n'])
  assert.deepEqual([view.state, byToken.caller], ['serving', 'ci'])
  assert.deepEqual([first.id, again.id, first.times.accepted], ['once', 'once', again.times.accepted])
  const refusals = answers.flatMap((line) => JSON.parse(line).code ?? [])
  assert.deepEqual(refusals, ['validation_failed'], stdout)
  const shown = /^\{"title":"Bad Request".*$/m.exec(page)?.[0]
  assert.ok(shown !== undefined && answers.includes(shown), 'the refusal is as it is shown')
})
