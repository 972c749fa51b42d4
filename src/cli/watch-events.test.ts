import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openV1Node } from '../http/v1/v1-node.fixture.ts'
import { commandLine, neverOpen } from './command-line.fixture.ts'
import { runCommand } from './program.ts'
import { testTerminal } from './test-terminal.fixture.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const url = `unix://${node.socketPath}`

test('what becomes of executions is told line by line until Ctrl-C, which is no failure', async () => {
  await commandLine(url)(['run', '--id', 'told', 'hello'])
  for (const [json, last] of [
    [false, /^\S+Z {2}\d+ {2}told {2}failed \(exit_nonzero\)$/m],
    [true, /^\{"name":"execution","execution":\{[^\n]*"status":"failed"/m],
  ] as const) {
    const terminal = testTerminal({ environment: { ERRAND_HOST: url } })
    const ended = runCommand(['events', '--since', '0', ...(json ? ['--json'] : [])], neverOpen, terminal)
    while (!last.test(terminal.printed.stdout)) await new Promise((resolve) => setImmediate(resolve))
    terminal.send('SIGINT')
    assert.equal(await ended, 0)
    assert.equal(terminal.listeners(), 0)
  }
})
