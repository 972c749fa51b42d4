import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { readDocument, shellBlocks } from '../support/documents.ts'
import { MortalNode } from '../support/mortal-node.ts'

const run = promisify(execFile)

test('the commands of the guide work in their order', { timeout: 300_000 }, async () => {
  const image = await ensureImage('busybox')
  await using node = await MortalNode.make()
  const place = join(node.home.folder, 'work')
  await mkdir(join(place, 'models'), { recursive: true })
  await writeFile(join(place, 'models', 'small'), '')
  await node.start({ settings: [`executions.inputPresets={models: {path: ${place}/models}}`] })

  const blocks = shellBlocks((await readDocument('docs/guide/run-a-job.md')).text)
  assert.equal(blocks.length, 8)
  const script = ['set -e', ...blocks].join('\n')
  const here = script.replaceAll('/run/errand/errand.sock', join(node.home.runDir, 'errand.sock'))
  const { stdout } = await run('bash', ['-o', 'pipefail', '-c', here.replaceAll('"alpine"', `"${image}"`)], {
    cwd: place,
  })

  const record = JSON.parse(await readFile(join(place, 'record.json'), 'utf8'))
  assert.deepEqual([record.status, record.outputs[0]?.name], ['succeeded', 'results'], stdout)
  assert.equal((await readFile(join(place, 'results', 'size'), 'utf8')).trim(), '3893', 'of a thousand numbers')
  assert.equal(await readFile(join(place, 'results', 'models'), 'utf8'), 'small\n')
  const refusals = [...stdout.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)
  assert.deepEqual(
    refusals,
    ['already_ended', 'already_ended', 'already_ended'],
    'exec, stats and cancel, after the end',
  )
})
