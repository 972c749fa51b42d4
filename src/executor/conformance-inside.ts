import assert from 'node:assert/strict'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { MIB } from '../core/resources.ts'
import { SERVED } from '../engine/conformance.ts'
import { bytesOf, refused } from './conformance-asserts.ts'
import type { ExecutorTest } from './conformance-bench.ts'

const NET = { network: 'internal', resources: { memoryBytes: 128 * MIB } } as const

/** Freezing and thawing. */
export const PAUSE_TESTS: Record<string, ExecutorTest> = {
  async 'a paused task stands still, and goes on where it was'(bench) {
    const executionId = await bench.start('tick', ['3'])
    await bench.printed(executionId, 'tick 1\n')
    await bench.executor.pause(executionId, bench.signal)
    assert.equal(await bench.executor.getStatus(executionId), 'paused')
    const before = bytesOf(await bench.log(executionId), 'stdout').toString()
    await refused(bench.executor.waitForStatus(executionId, 'finalizing', 2500, bench.signal), 'deadline_exceeded')
    assert.equal(bytesOf(await bench.log(executionId), 'stdout').toString(), before)
    await bench.executor.resume(executionId, bench.signal)
    assert.notEqual(await bench.executor.getStatus(executionId), 'paused')
    assert.equal((await bench.wait(executionId)).stdout, 'tick 1\ntick 2\ntick 3\n')
  },

  async 'pausing twice, and resuming what runs, change nothing'(bench) {
    const executionId = await bench.startReady('wait')
    await bench.executor.resume(executionId, bench.signal)
    assert.equal(await bench.executor.getStatus(executionId), 'running')
    await Promise.all([
      bench.executor.pause(executionId, bench.signal),
      bench.executor.pause(executionId, bench.signal),
    ])
    assert.equal(await bench.executor.getStatus(executionId), 'paused')
  },

  async 'what has ended is neither paused nor resumed'(bench) {
    const { executionId } = await bench.run('print', ['', '', '0'])
    await refused(bench.executor.pause(executionId, bench.signal), 'already_ended')
    await refused(bench.executor.resume(executionId, bench.signal), 'already_ended')
  },
}

/** Limits, as the task itself sees them. */
export const LIMIT_TESTS: Record<string, ExecutorTest> = {
  async 'memory, processes and cores are limited to what was asked for'(bench) {
    const resources = { memoryBytes: 48 * MIB, pids: 50, cpu: 0.3 }
    const { stdout, stderr } = await bench.run('limits', [], { resources })
    assert.equal(stdout, `memory=${48 * MIB} pids=50 cpu=300\n`, stderr)
  },

  async 'what asks for nothing gets the defaults'(bench) {
    const { stdout, stderr } = await bench.run('limits', [], { resources: {} })
    assert.equal(stdout, `memory=${128 * MIB} pids=256 cpu=1000\n`, stderr)
  },
}

/** Ports of the host that lead to a task. */
export const PORT_TESTS: Record<string, ExecutorTest> = {
  async 'a task is reached from the host at any free port, which can be read back'(bench) {
    const request = bench.image(bench.images.serves, {}, { ...NET, portsToBind: [{ executorPort: 8080 }] })
    await bench.executor.start(request, bench.signal)
    await bench.printed(request.executionId, 'ready\n')
    const { ports } = await bench.executor.getNetInfo(request.executionId, bench.signal)
    const [binding] = ports
    assert.ok(binding !== undefined && ports.length === 1, JSON.stringify(ports))
    assert.deepEqual([binding.protocol, binding.hostIp, binding.port], ['tcp', '127.0.0.1', 8080])
    assert.equal(await fetchText(binding.hostPort), SERVED)
    assert.deepEqual((await bench.executor.getInfo(request.executionId)).ports, ports)
    await bench.executor.cancel(request.executionId, { graceMs: 0, signal: bench.signal })
    await assert.rejects(fetchText(binding.hostPort))
  },

  async 'a task on a network tells its address'(bench) {
    const executionId = await bench.start('wait', [], NET)
    const { ipAddress } = await bench.executor.getNetInfo(executionId, bench.signal)
    assert.notEqual(ipAddress, '')
  },

  async 'a task without a network has no address, and can have no port'(bench) {
    const executionId = await bench.start('wait')
    await refused(bench.executor.getNetInfo(executionId, bench.signal), 'network_unavailable')
    const request = bench.task('wait', [], { portsToBind: [{ executorPort: 8080 }] })
    await refused(bench.executor.start(request, bench.signal), 'validation_failed')
  },
}

/** Commands beside the main process. */
export const EXEC_TESTS: Record<string, ExecutorTest> = {
  async 'a command gives its output and exit code, and the task runs on'(bench) {
    const executionId = await bench.startReady('wait')
    const { cmd } = bench.task('print', ['out', 'err', '3']).engineSpec.params
    const outcome = await bench.executor.exec(executionId, cmd as readonly string[], bench.signal)
    assert.deepEqual(outcome, { exitCode: 3, stdout: 'out', stderr: 'err' })
    assert.equal(await bench.executor.getStatus(executionId), 'running')
  },

  async 'the words of a command reach it as they are'(bench) {
    const executionId = await bench.startReady('wait')
    const words = 'a  b "c" $HOME \\ *'
    const { cmd } = bench.task('print', [words, '', '0']).engineSpec.params
    const { stdout } = await bench.executor.exec(executionId, cmd as readonly string[], bench.signal)
    assert.equal(stdout, words)
  },

  async 'a command that is none, or is not there, is refused'(bench) {
    const executionId = await bench.startReady('wait')
    for (const argv of [[], [''], ['a\0b']]) {
      await refused(bench.executor.exec(executionId, argv, bench.signal), 'validation_failed')
    }
    await refused(bench.executor.exec(executionId, ['/no/such/command'], bench.signal), 'command_not_found')
  },

  async 'there is no command in what has ended'(bench) {
    const { executionId } = await bench.run('print', ['', '', '0'])
    await refused(bench.executor.exec(executionId, ['true'], bench.signal), 'already_ended')
  },
}

/** What a task uses now. */
export const STATS_TESTS: Record<string, ExecutorTest> = {
  async 'a task that runs tells what it uses'(bench) {
    const executionId = await bench.startReady('wait')
    const { cpu, memory, pids } = await bench.executor.stats(executionId, bench.signal)
    assert.ok(cpu.totalNs > 0)
    assert.ok(memory.usageBytes > 0 && memory.usageBytes <= memory.limitBytes)
    assert.equal(memory.limitBytes, 64 * MIB)
    assert.ok(pids >= 1)
  },

  async 'what has ended uses nothing any more'(bench) {
    const { executionId } = await bench.run('print', ['', '', '0'])
    await refused(bench.executor.stats(executionId, bench.signal), 'already_ended')
    await refused(bench.executor.getNetInfo(executionId, bench.signal), 'already_ended')
  },
}

async function fetchText(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  get({ host: '127.0.0.1', port, agent: false, timeout: 10_000 }, (response) => {
    text(response).then(resolve, reject)
  })
    .on('timeout', () => reject(new Error('no answer')))
    .on('error', reject)
  return promise
}
