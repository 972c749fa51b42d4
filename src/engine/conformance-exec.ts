import assert from 'node:assert/strict'
import { type ConformanceTest, OutputRecorder, PRINTED, refused } from './conformance-bench.ts'
import type { ExecCommand, SandboxRef } from './engine.ts'

/** Commands beside the main process. */
export const EXEC_TESTS: Record<string, ConformanceTest> = {
  async 'a command beside the main process gives its output byte by byte, and its exit code'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canExec) return
    const ref = await bench.startReady(bench.images.waits)
    const output = new OutputRecorder()
    const command = { argv: bench.images.commands.prints }
    const { exitCode } = await bench.engine.exec(ref, command, output.sink, bench.signal)
    assert.equal(exitCode, PRINTED.exitCode)
    assert.deepEqual(output.bytes('stdout'), PRINTED.stdout)
    assert.deepEqual(output.bytes('stderr'), PRINTED.stderr)
    assert.equal((await bench.inspect(ref)).state, 'running')
  },

  async 'a command gets its environment and its working directory as they were given'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canExec) return
    const ref = await bench.startReady(bench.images.waits)
    const output = new OutputRecorder()
    const answer = 'it = "$HOME" \\ \'*\''
    const command = { argv: bench.images.commands.tells, environment: { ANSWER: answer }, workingDir: '/tmp' }
    const { exitCode } = await bench.engine.exec(ref, command, output.sink, bench.signal)
    assert.deepEqual([exitCode, output.bytes('stdout').toString()], [0, `${answer}\n/tmp\n`])
  },

  async 'a command that the sandbox does not have is refused'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canExec) return
    const ref = await bench.startReady(bench.images.serves)
    const run = (argv: readonly string[]): Promise<unknown> => bench.engine.exec(ref, { argv }, () => {}, bench.signal)
    await refused(run(['/no/such/command', 'and an argument']), 'command_not_found')
    await refused(run(['no-such-command']), 'command_not_found')
    assert.equal((await bench.inspect(ref)).state, 'running')
  },

  async 'an abort lets go of a command, which goes on'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canExec) return
    const ref = await bench.startReady(bench.images.waits)
    const output = new OutputRecorder()
    const controller = new AbortController()
    const command = { argv: bench.images.commands.waits }
    const running = bench.engine.exec(ref, command, output.sink, controller.signal)
    await Promise.race([output.until('ready\n', bench.signal), running])
    const reason = new Error('given up')
    controller.abort(reason)
    await assert.rejects(running, reason)
    assert.equal((await bench.inspect(ref)).state, 'running')
  },

  async 'a command needs a sandbox that runs, and an engine that can run it'(bench) {
    const { canExec } = await bench.engine.probe(bench.signal)
    const run = (ref: SandboxRef, command: ExecCommand = { argv: bench.images.commands.prints }): Promise<unknown> =>
      bench.engine.exec(ref, command, () => {}, bench.signal)
    const created = await bench.create(bench.images.waits)
    await refused(run(created), canExec ? 'task_gone' : 'unsupported')
    if (canExec) await refused(run(await bench.runToEnd(bench.images.prints)), 'task_gone')
    if (canExec) await refused(run({ name: 'errand-conformance-absent', id: '0'.repeat(64) }), 'not_found')
  },
}
