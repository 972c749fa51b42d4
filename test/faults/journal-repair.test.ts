import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { MortalNode } from '../support/mortal-node.ts'
import type { Home } from '../support/serve-process.ts'
import { smallExecution } from '../support/small-executions.ts'

const LAUNCHER = resolve(import.meta.dirname, '../../bin/errand')

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function repair({ stateDir, runDir }: Home, ...flags: string[]): Promise<Ended> {
  const args = ['repair', '--state-dir', stateDir, '--run-dir', runDir, '--node', 'test', ...flags]
  return new Promise((ended) => {
    execFile(LAUNCHER, args, (error, stdout, stderr) => ended({ code: Number(error?.code ?? 0), stdout, stderr }))
  })
}

test('F20: a node whose journal is destroyed is repaired from what its containers say', {
  timeout: 120_000,
}, async () => {
  const image = await ensureImage('busybox')
  const [ends, runs] = [smallExecution('ends', image), smallExecution('runs', image, { seconds: 15, exitCode: 4 })]
  await using node = await MortalNode.make()
  const { home, client } = node
  await node.start()
  await client.submit(ends.body, 'first')
  await client.wait('ends')
  await client.submit(runs.body, 'second')
  while ((await client.get('runs')).status !== 'running') await client.eventsUntilEndsOf(['ends'])
  assert.equal((await repair(home)).code, 75)
  await node.kill()

  const file = join(home.stateDir, 'journal.db')
  const garbage = 'not what was written'.repeat(500)
  await writeFile(file, garbage)
  const refused = node.spawn()
  assert.equal((await refused.ended).code, 74)
  assert.match(refused.log.text, /journal\.db .*damaged.*errand repair/)

  const { code, stdout, stderr } = await repair(home, '--json')
  assert.equal(code, 0, stderr)
  const report = JSON.parse(stdout)
  assert.deepEqual([report.rebuilt, report.lost, report.read], [['runs'], ['ends'], 0])
  assert.equal(await readFile(report.aside, 'utf8'), garbage)
  assert.match((await repair(home)).stdout, /is sound/)

  await node.start()
  assert.deepEqual([(await client.get('ends')).status, (await client.get('ends')).reason], ['lost', 'runtime_lost'])
  const ended = await client.wait('runs')
  assert.deepEqual([ended.status, ended.exitCode], ['failed', 4])
  assert.match(ended.warnings.join(), /made anew from its container/)
  assert.equal(await client.log('runs'), runs.meant.log)
  assert.deepEqual(
    (await readdir(home.stateDir)).filter((name) => name.includes('draft')),
    [],
  )
})
