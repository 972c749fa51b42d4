import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { NodeView } from '../../client/client.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { assertFits, commandLine, neverOpen } from '../command-line.fixture.ts'
import { runCommand } from '../program.ts'
import { type TestTerminal, testTerminal } from '../test-terminal.fixture.ts'
import { describeNode } from './node-report.ts'

const node = await openV1Node({ answers: { serve: (_request, response) => void response.end('ok') } })
after(() => node[Symbol.asyncDispose]())
const url = `unix://${node.socketPath}`
const errand = commandLine(url)

/** A command that goes on, and how it ends. */
function begin(words: readonly string[], columns?: number): { terminal: TestTerminal; ended: Promise<number> } {
  const environment = { ERRAND_HOST: url }
  const terminal = testTerminal({ environment, ...(columns !== undefined && { columns }) })
  return { terminal, ended: runCommand(words, neverOpen, terminal) }
}

async function submit(id: string): Promise<void> {
  const { status, text } = await node.call(undefined, 'POST /v1/executions', { id, task: { image: 'forever' } })
  assert.equal(status, 201, text)
}

test('a node is shown with what it offers, leases and lacks, in full in a pipe', async () => {
  const { status, printed } = await errand(['node'])
  assert.deepEqual([status, printed.stderr], [0, ''])
  for (const line of [
    /^node +test \(Errand \d/m,
    /^state +serving$/m,
    /^cpu +0% leased: 0 of 100 cores$/m,
    /^memory +0% leased: 0 B of 8 GiB$/m,
    /^host cpu +[\d.]+% used of [\d.]+ cores$/m,
    /^executions +\d+ running, 0 waiting$/m,
    /^engine +docker /m,
    /^isolation +container: by \S+$/m,
    /^isolation +microvm: not available: /m,
  ]) {
    assert.match(printed.stdout, line)
  }
})

test('on a terminal a node has bars and fits, once when that is all that is asked for', async () => {
  const { printed } = await errand(['node', '--once'], { columns: 60 })
  const shown = assertFits(printed.stdout, 60)
  assert.match(shown, /^cpu +░{20} 0% leased/m)
  assert.ok(!printed.stdout.includes('\u001b'), 'nothing is shown anew')
})

test('what an isolation does not enforce is told, at 80 columns', async () => {
  const view: NodeView = JSON.parse((await errand(['node', '--json'])).printed.stdout)
  const some = {
    isolation: 'gvisor',
    available: true,
    runtime: 'runsc-of-this-host',
    unenforced: ['cpu', 'memory', 'pids'],
  }
  const all = { isolation: 'container', available: true, runtime: 'runc', unenforced: [] }
  const output = testTerminal({ columns: 80 }).stdout
  const shown = assertFits(describeNode({ ...view, isolations: [some, all] }, output), 80)
  assert.match(shown, /^isolation +gvisor: by runsc-of-this-host; does not enforce limits of cpu,\n +memory, pids$/m)
  assert.match(shown, /^isolation +container: by runc$/m)
})

test('live, a node is shown anew in its place until Ctrl-C, which is no failure', async () => {
  const { terminal, ended } = begin(['node'], 80)
  const isShownAnew = (): boolean => terminal.printed.stdout.split('\u001b[J').length > 1
  while (!isShownAnew()) await new Promise((resolve) => setImmediate(resolve))
  terminal.send('SIGINT')
  assert.equal(await ended, 0)
  assert.equal(terminal.listeners(), 0)
})

test('JSON is the node as /v1 has it, whole on a terminal, too', async () => {
  const { printed } = await errand(['node', '--json'], { columns: 20 })
  assert.deepEqual(JSON.parse(printed.stdout).state, 'serving')
})

test('a node is paused, and takes work again', async () => {
  assert.equal((await errand(['pause'])).printed.stdout, 'test is paused\n')
  assert.match((await errand(['node'])).printed.stdout, /^state +paused$/m)
  const refused = await errand(['run', '--id', 'refused', 'hello'])
  assert.deepEqual([refused.status, refused.printed.stdout], [125, ''])
  assert.equal(JSON.parse((await errand(['unpause', '--json'])).printed.stdout).state, 'serving')
})

test('a drain tells how much is left and ends when nothing is, and whoever does not wait leaves with 75 or 130', async () => {
  await submit('left')
  const late = await errand(['drain', '--timeout', '20ms'])
  assert.equal(late.status, 75, late.printed.stderr)

  const { terminal, ended } = begin(['drain'])
  while (!terminal.printed.stderr.includes('left')) await new Promise((resolve) => setImmediate(resolve))
  const interrupted = begin(['drain'], 80)
  while (interrupted.terminal.printed.stderr === '') await new Promise((resolve) => setImmediate(resolve))
  interrupted.terminal.send('SIGINT')
  assert.equal(await interrupted.ended, 130)

  await errand(['cancel', 'left'])
  assert.equal(await ended, 0)
  assert.match(terminal.printed.stderr, /^errand: draining: \d running and \d waiting are left$/m)
  assert.match(
    terminal.printed.stdout,
    /^test is drained and paused. No execution is left; requests for later are kept\./,
  )
  await errand(['unpause'])
})

test('an owner grants something else, and is told all of it', async () => {
  const { status, printed } = await errand(['node', 'set', '--cpu', '0.5', '--mem', '1GiB', '--keep-alive', '90s'])
  assert.equal(status, 0, printed.stderr)
  assert.equal(printed.stdout, 'cpu         0.5 cores\nmemory      1 GiB\nkeep-alive  1m 30s\nconfig      version 2\n')
  const capped = await errand(['node', 'set', '--cpu', '1000', '--mem', '1000GiB'])
  assert.match(capped.printed.stderr, /^errand: --cpu 1000 is more than this host offers; it is [\d.]+ now$/m)
  assert.match(capped.printed.stderr, /^errand: --mem 1000GiB is more than this host offers; it is [\d.]+ [GT]iB now$/m)
  await errand(['node', 'set', '--mem', '1GiB'])
  const { cpu, memory } = JSON.parse((await errand(['node', 'set', '--cpu', '1', '--json'])).printed.stdout)
  assert.deepEqual([cpu, memory], [1, 1024 ** 3])
})

test('a change that cannot be read, or is none, is refused', async () => {
  for (const [words, why] of [
    [[], /^errand: nothing to change/],
    [['--mem', '512'], /^errand: --mem "512": must be a size with its unit/],
    [['--cpu', 'many'], /^errand: --cpu "many": must be a number/],
    [['--keep-alive', '5'], /^errand: --keep-alive "5": must be a time/],
    [['--cpu', '0.01'], /^errand: /],
  ] as const) {
    const { status, printed } = await errand(['node', 'set', ...words])
    assert.equal(status, 65, words.join(' '))
    assert.match(printed.stderr, why)
  }
})
