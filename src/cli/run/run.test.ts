import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { commandLine, neverOpen } from '../command-line.fixture.ts'
import { runCommand } from '../program.ts'
import { type TestTerminal, testTerminal } from '../test-terminal.fixture.ts'

const EVIL = '\u001b]0;owned\u0007red'

const IMAGES: Readonly<Record<string, FakeScript>> = {
  cat: {
    run: async (process) => {
      for (const mount of process.spec.mounts ?? []) {
        if (mount.kind === 'bind') process.print(await readFile(mount.source, 'utf8'))
      }
      return 0
    },
  },
  evil: {
    run: async (process) => {
      process.print(`${EVIL}\n`)
      return 0
    },
  },
  stubborn: { ignores: 'all' },
}

const node = await openV1Node(IMAGES)
after(() => node[Symbol.asyncDispose]())

const errand = commandLine(`unix://${node.socketPath}`)

test('a run shows both streams where they belong, and ends as its command did', async () => {
  const { status, printed } = await errand(['run', 'hello'])
  assert.deepEqual([status, printed.stdout, printed.stderr], [3, 'hello\n', '\u00ff\n'])
})

test('on a terminal it says what it waits for, and takes that away before the output', async () => {
  const { printed } = await errand(['run', 'hello'], { columns: 80 })
  const clear = '\r\u001b[K'
  assert.ok(printed.stderr.startsWith(`${clear}submitting`), printed.stderr)
  assert.equal(printed.stderr.split(clear).at(-1), '\ufffd\n')
})

test('A51: nothing that a task prints gives a terminal an instruction, unless that is asked for', async () => {
  assert.equal((await errand(['run', 'evil'], { columns: 80 })).printed.stdout, '␛]0;owned␇red\n')
  assert.equal((await errand(['run', '--raw', 'evil'], { columns: 80 })).printed.stdout, `${EVIL}\n`)
  assert.equal((await errand(['run', 'evil'])).printed.stdout, `${EVIL}\n`)
})

test('a run that is detached prints its id and goes on', async () => {
  const { status, printed } = await errand(['run', '-d', '--id', 'detached', '-o', '/package.json', 'forever'])
  assert.deepEqual([status, printed.stdout], [0, 'detached\n'])
  assert.match((await errand(['ps'])).printed.stdout, /^detached +(accepted|queued|pulling|creating|running)/m)
  assert.equal((await errand(['cancel', 'detached'])).printed.stdout, 'detached\n')
  assert.equal((await errand(['wait', 'detached'])).status, 130)
  assert.doesNotMatch((await errand(['ps'])).printed.stdout, /detached/)
  assert.match((await errand(['ps', '--all'])).printed.stdout, /^detached +cancelled/m)
  assert.equal((await errand(['rm', 'detached'])).printed.stdout, 'detached\n')
  assert.equal((await errand(['inspect', 'detached'])).status, 66)
})

test('a file says what to run, and the command line the rest', async () => {
  const body = { id: 'filed', task: { image: 'forever', resources: { memory: '64MiB' } }, labels: { from: 'file' } }
  const words = [
    'run',
    '-d',
    '--json',
    '-f',
    '-',
    '-e',
    'WORD',
    '--pids',
    '32',
    '--retention',
    '2h',
    '--grace',
    '1s',
    'hello',
  ]
  const { status, printed } = await errand(words, { input: JSON.stringify(body), environment: { WORD: 'said' } })
  assert.equal(status, 0, printed.stderr)
  const { id, labels, resources } = JSON.parse(printed.stdout)
  assert.deepEqual([id, labels], ['filed', { from: 'file' }])
  assert.equal((await errand(['wait', 'filed'])).status, 3)
  assert.deepEqual([resources.asked.memory, resources.asked.pids], [64 * 1024 * 1024, 32])
  const neither = await errand(['run'])
  assert.deepEqual([neither.status, neither.printed.stderr], [64, 'errand: give an image, or --file\n'])
})

test('what is piped in can be an input', async () => {
  const { status, printed } = await errand(['run', '-i', '-:/data', 'cat'], { input: 'piped in\n' })
  assert.deepEqual([status, printed.stdout, printed.stderr], [0, 'piped in\n', ''])
})

/** Runs an image in the foreground until the node says that it does. */
async function interruptible(
  id: string,
  image = 'forever',
): Promise<{ terminal: TestTerminal; ended: Promise<number> }> {
  const terminal = testTerminal({ columns: 80 })
  const ended = runCommand(['run', '--host', `unix://${node.socketPath}`, '--id', id, image], neverOpen, terminal)
  for (let status = ''; status !== 'running'; ) {
    const answer = await node.call(undefined, `GET /v1/executions/${id}`)
    status = answer.status === 200 ? JSON.parse(answer.text).status : ''
  }
  return { terminal, ended }
}

test('the first Ctrl-C cancels', async () => {
  const { terminal, ended } = await interruptible('first')
  terminal.send('SIGINT')
  assert.equal(await ended, 130)
  assert.match(terminal.printed.stderr, /cancelling; press Ctrl-C again to leave it running/)
  assert.match((await errand(['inspect', 'first'])).printed.stdout, /^status +cancelled$/m)
})

test('the second Ctrl-C leaves it running', async () => {
  const { terminal, ended } = await interruptible('second', 'stubborn')
  terminal.send('SIGINT')
  terminal.send('SIGINT')
  assert.equal(await ended, 130)
  assert.match(terminal.printed.stderr, /left running: errand logs -f second\n$/)
  assert.equal((await errand(['rm', '--force', 'second'])).status, 0)
})

test('Ctrl-C ends a run that waits for a body from stdin', async () => {
  const reading = Promise.withResolvers<void>()
  const stdin = {
    isTTY: true,
    async *[Symbol.asyncIterator]() {
      reading.resolve()
      yield await new Promise<Buffer>(() => {})
    },
  }
  const terminal = { ...testTerminal(), stdin }
  const ended = runCommand(['run', '--host', `unix://${node.socketPath}`, '-f', '-'], neverOpen, terminal)
  await reading.promise
  terminal.send('SIGINT')
  assert.equal(await ended, 130)
})

test('a command inside ends as it did, with its output', async () => {
  await errand(['run', '-d', '--id', 'inside', 'forever'])
  await node.call(undefined, 'GET /v1/executions/inside/wait?timeout=10ms')
  for (let status = 0; status !== 7; ) ({ status } = await errand(['exec', 'inside', '--', 'ls', '-l']))
  assert.equal((await errand(['exec', 'inside', 'ls', '-l'])).printed.stdout, 'ls -l')
  await errand(['rm', '--force', 'inside'])
})

test('a node that is not there is told at once, with 69', async () => {
  const terminal = testTerminal()
  const status = await runCommand(['ps', '--host', 'unix:///nowhere/errand.sock'], neverOpen, terminal)
  assert.equal(status, 69)
  assert.match(terminal.printed.stderr, /^errand: .*\/nowhere\/errand\.sock/)
})

test('JSON comes whole: the record of a run, and a line for each in a list', async () => {
  const { printed, status } = await errand(['run', '--json', '--rm', 'hello'])
  assert.deepEqual([status, JSON.parse(printed.stdout).exitCode], [3, 3])
  await errand(['run', '-d', '--id', 'listed', 'hello'])
  const lines = (await errand(['ps', '-a', '--json'])).printed.stdout.trim().split('\n')
  assert.ok(lines.map((line) => JSON.parse(line).id).includes('listed'))
  assert.equal((await errand(['logs', '--json', '-f', 'listed'])).printed.stdout.trim().split('\n').length, 2)
})
