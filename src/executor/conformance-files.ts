import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProvisionScript } from '../core/provision-script.ts'
import type { ExecutorTest } from './conformance-bench.ts'

/** Scripts that are run before the task, in its sandbox. */
export const PROVISION_TESTS: Record<string, ExecutorTest> = {
  async 'scripts in two languages are run in their order, before the task and in its sandbox'(bench) {
    const awk = `#!${bench.images.awk} -f\nBEGIN { print "awk" >> "/tmp/order"; print "from awk" }\n`
    const provisionScripts: ProvisionScript[] = [
      { name: '2-first.sh', content: 'echo shell >/tmp/order; echo from the shell' },
      { name: '1-second.awk', content: Buffer.from(awk) },
    ]
    const request = bench.image(bench.images.shell, { cmd: ['cat', '/tmp/order'] }, { provisionScripts })
    const { status, stdout, stderr } = await bench.executor.run(request, { signal: bench.signal })
    assert.deepEqual([status, stdout], ['succeeded', 'from the shell\nfrom awk\nshell\nawk\n'], stderr)
  },

  async 'arguments reach a script as they are'(bench) {
    const args = ['a b', '"', "'", '$(id)', '', '*', '\\', ';reboot', '-n']
    const provisionScripts = [{ name: 'args', content: '#!/bin/sh\nfor word; do printf "<%s>" "$word"; done', args }]
    const { stdout, stderr } = await bench.run('print', ['', '', '0'], { provisionScripts })
    assert.equal(stdout, args.map((word) => `<${word}>`).join(''), stderr)
  },

  async 'the first script that fails ends it: nothing after it is run'(bench) {
    const provisionScripts = [
      { name: 'good', content: 'echo good' },
      { name: 'bad', content: 'echo bad; exit 9' },
      { name: 'never', content: 'echo never' },
    ]
    const result = await bench.run('print', ['task', '', '0'], { provisionScripts })
    assert.deepEqual([result.status, result.reason, result.stdout], ['failed', 'provision_failed', 'good\nbad\n'])
    assert.match(result.message, /bad.*9/)
  },

  async 'a task that fails after its scripts fails as it would without them'(bench) {
    const provisionScripts = [{ name: 'good', content: 'exit 0' }]
    const { status, reason, exitCode } = await bench.run('print', ['', '', '9'], { provisionScripts })
    assert.deepEqual([status, reason, exitCode], ['failed', 'exit_nonzero', 9])
  },

  async 'a task gets its signals after its scripts as it would without them'(bench) {
    const provisionScripts = [{ name: 'good', content: 'exit 0' }]
    const executionId = await bench.startReady('wait', [], { provisionScripts })
    await bench.executor.cancel(executionId, { graceMs: 60_000, signal: bench.signal })
    const { status, exitCode } = await bench.wait(executionId)
    assert.deepEqual([status, exitCode], ['cancelled', 143])
  },
}

/** What is brought into the results folder after the end. */
export const OUTPUT_TESTS: Record<string, ExecutorTest> = {
  async 'a file and a folder are brought into the results folder'(bench) {
    const outputs = [{ path: '/out/file.txt' }, { path: '/out', name: 'all' }]
    const result = await bench.run('write', ['/out/file.txt', 'what it made', '0'], { outputs })
    assert.equal(result.status, 'succeeded', result.message)
    assert.deepEqual(
      result.outputs.map(({ name, path }) => [name, path]),
      [
        ['file.txt', '/out/file.txt'],
        ['all', '/out'],
      ],
    )
    const [file, folder] = result.outputs
    assert.equal(await readFile(join(result.resultsDir, file?.file ?? ''), 'utf8'), 'what it made')
    assert.equal(await readFile(join(result.resultsDir, folder?.file ?? '', 'file.txt'), 'utf8'), 'what it made')
  },

  async 'what a task that failed has made is brought in, too'(bench) {
    const result = await bench.run('write', ['/out/file', 'half of it', '3'], { outputs: [{ path: '/out/file' }] })
    assert.deepEqual([result.status, result.exitCode], ['failed', 3])
    assert.equal(await readFile(join(result.resultsDir, result.outputs[0]?.file ?? ''), 'utf8'), 'half of it')
  },

  async 'an output that is not there is a warning'(bench) {
    const { status, outputs, warnings } = await bench.run('print', ['', '', '0'], { outputs: [{ path: '/no/such' }] })
    assert.deepEqual([status, outputs.length, warnings.length], ['succeeded', 0, 1])
    assert.match(warnings[0] ?? '', /such/)
  },

  async 'results go into the folder that was asked for'(bench) {
    const resultsDir = join(bench.folder, 'mine')
    const result = await bench.run('write', ['/out/file', 'mine', '0'], {
      resultsDir,
      outputs: [{ path: '/out/file' }],
    })
    assert.equal(result.resultsDir, resultsDir)
    assert.equal(await readFile(join(resultsDir, result.outputs[0]?.file ?? ''), 'utf8'), 'mine')
  },

  async 'outputs beyond their limit fail the execution, and what was kept is listed'(bench) {
    const request = { outputs: [{ path: '/out/file' }], limits: { outputBytes: 1 } }
    const { status, reason, outputs } = await bench.run('write', ['/out/file', 'too much', '0'], request)
    assert.deepEqual([status, reason], ['failed', 'output_limit'])
    assert.ok(outputs.every(({ bytes }) => bytes <= 1))
  },
}
