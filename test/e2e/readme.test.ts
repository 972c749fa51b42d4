import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { readDocument, shellBlocks } from '../support/documents.ts'
import { MortalNode } from '../support/mortal-node.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
/** Those are shown elsewhere: the demo has a test of its own, and the node is started here. */
const NOT_HERE = /npm run demo|errand serve/

test('the commands of the README work in their order, and print what it says', { timeout: 300_000 }, async () => {
  await ensureImage('hello-node')
  await using node = await MortalNode.make()
  await node.start()
  const place = join(node.home.folder, 'work')
  await mkdir(place, { recursive: true })
  const socket = join(node.home.runDir, 'errand.sock')
  const [address = ''] = await node.served.addresses()

  const blocks = shellBlocks((await readDocument('README.md')).text).filter((block) => !NOT_HERE.test(block))
  assert.equal(blocks.length, 5)
  const here = blocks
    .join('\n')
    .replaceAll('bin/errand ', `'${ROOT}/bin/errand' `)
    .replaceAll('/run/errand/errand.sock', socket)
    .replaceAll('127.0.0.1:2591', address)
  const environment = { PATH: process.env.PATH, ERRAND_HOST: `unix://${socket}`, HOME: place }
  const { stdout } = await run('bash', ['-c', here], { cwd: place, env: environment })

  assert.match(stdout, /^42\nhello\nID +STATUS +IMAGE +AGE +RAN\n\S+ +failed \(3\) .*\n\S+ +succeeded /)
  assert.equal(await readFile(join(place, 'sum'), 'utf8'), '6')
  assert.match(stdout, /^greet\nHello, world!ID +TASK +STATE +ANSWERED +IDLE +MEMORY\n\w{32} +greet +idle +1 /m)
  assert.match(stdout, /^Hello, world!\{"success":true,"msg":"Hello, world!"\}$/m)
})
