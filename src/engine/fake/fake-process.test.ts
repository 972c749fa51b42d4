import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { settle } from '../../core/manual-clock.ts'
import { MIB } from '../../core/resources.ts'
import { FakeBench, never, textOf } from './fake-bench.fixture.ts'
import type { FakeProcess } from './fake-engine.ts'

describe('the program of a fake sandbox', () => {
  test('sees what the spec says of its process, prints, and gives the exit code', async () => {
    await using bench = new FakeBench()
    const seen: unknown[] = []
    const run = async (process: FakeProcess): Promise<number> => {
      seen.push(process.argv, process.environment, process.spec.network)
      process.print('to stdout\n')
      process.print({ stream: 'stderr', data: 'to stderr\n' })
      return 3
    }
    const process = { entrypoint: ['sh', '-c'], cmd: ['job'], environment: { A: '1' } }
    const ref = await bench.start({ run }, { process, network: 'none' })
    assert.deepEqual(await bench.untilExited(ref), { exitCode: 3, isOomKilled: false })
    assert.deepEqual(seen, [['sh', '-c', 'job'], { A: '1' }, 'none'])
    assert.equal(await textOf(bench.engine.output(ref, {}, never)), 'to stdout\nto stderr\n')
  })

  test('that throws exits with 1 and says why on stderr', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ run: async () => Promise.reject(new Error('went wrong')) })
    assert.equal((await bench.untilExited(ref))?.exitCode, 1)
    assert.match(await textOf(bench.engine.output(ref, {}, never)), /went wrong/)
  })

  test('sleeps on the clock, and no further while it is paused', async () => {
    await using bench = new FakeBench()
    const run = async (process: FakeProcess): Promise<number> => {
      await process.sleep(100)
      process.print('awake\n')
      await process.sleep(100)
      return 0
    }
    const ref = await bench.start({ run })
    await bench.engine.pause(ref, never)
    await bench.clock.advance(1000)
    assert.equal(await textOf(bench.engine.output(ref, {}, never)), '')
    await bench.engine.resume(ref, never)
    await settle()
    assert.equal(await textOf(bench.engine.output(ref, {}, never)), 'awake\n')
    await bench.clock.advance(100)
    assert.equal((await bench.exitOf(ref))?.exitCode, 0)
  })

  test('catches the signals that it waits for, in turn; others end it with 128 and their number', async () => {
    await using bench = new FakeBench()
    const run = async (process: FakeProcess): Promise<number> => {
      for (;;) process.print(`${await process.untilSignal('SIGTERM', 'SIGUSR1', 'SIGWINCH')}\n`)
    }
    const ref = await bench.start({ run })
    for (const name of ['SIGUSR1', 'SIGTERM', 'SIGCHLD', 'SIGWINCH'] as const)
      await bench.engine.signal(ref, name, never)
    await settle()
    assert.equal(await textOf(bench.engine.output(ref, {}, never)), 'SIGUSR1\nSIGTERM\nSIGWINCH\n')
    await bench.engine.signal(ref, 'SIGUSR2', never)
    assert.equal((await bench.exitOf(ref))?.exitCode, 128 + 12)
  })

  test('finds its waits rejected and its calls refused once the process has ended', async () => {
    await using bench = new FakeBench()
    const over = Promise.withResolvers<void>()
    const run = async (process: FakeProcess): Promise<number> => {
      const gone = { code: 'task_gone' }
      await assert.rejects(process.sleep(1000), gone)
      await assert.rejects(process.flood(1), gone)
      assert.throws(() => process.print('too late\n'), gone)
      assert.throws(() => process.write('/late', 'too late'), gone)
      assert.throws(() => process.use({ pids: 2 }), gone)
      over.resolve()
      return 5
    }
    const ref = await bench.start({ run })
    await bench.engine.signal(ref, 'SIGKILL', never)
    await over.promise
    assert.equal((await bench.exitOf(ref))?.exitCode, 137)
    assert.equal(await textOf(bench.engine.output(ref, {}, never)), '')
    assert.deepEqual(await bench.engine.diskUsage(ref, { bytes: 1, inodes: 1 }, never), { bytes: 0, inodes: 0 })
  })

  test('that never ends holds up nobody who disposes the engine', async () => {
    const bench = new FakeBench()
    await bench.start({ run: () => new Promise(() => {}) })
    await bench[Symbol.asyncDispose]()
  })

  test('that takes more memory than its limit is ended as out of memory, and billed up to the limit', async () => {
    await using bench = new FakeBench()
    const resources = { cpuMillis: 1000, memoryBytes: 64 * MIB, gpus: 0 }
    const run = async (process: FakeProcess): Promise<number> => {
      process.use({ cpuNs: 7, memoryBytes: 20 * MIB })
      await process.untilSignal('SIGUSR1')
      for (let memoryBytes = 60 * MIB; ; memoryBytes += MIB) process.use({ memoryBytes })
    }
    const ref = await bench.start({ run }, { resources })
    const stats = await bench.engine.stats(ref, never)
    assert.deepEqual(stats?.memory, { usageBytes: 20 * MIB, maxBytes: 20 * MIB, limitBytes: 64 * MIB })
    assert.equal(await bench.engine.bill(ref, never), undefined)
    await bench.engine.signal(ref, 'SIGUSR1', never)
    assert.deepEqual(await bench.untilExited(ref), { exitCode: 137, isOomKilled: true })
    assert.equal(await bench.engine.stats(ref, never), undefined)
    const billed = { cpuNs: 7, memoryPeakBytes: 64 * MIB, blockReadBytes: 0, blockWriteBytes: 0 }
    assert.deepEqual(await bench.engine.bill(ref, never), billed)
  })
})

describe('a command in a fake sandbox', () => {
  test('prints as it goes and at its end, and shares the file system', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({
      exec: ({ argv, process, print }) => {
        print(`${argv.join(' ')}: `)
        process.write('/made', 'by a command')
        return { exitCode: 4, stdout: 'out', stderr: 'err' }
      },
    })
    const printed: string[] = []
    const sink = ({ stream, data }: { stream: string; data: Buffer }): void =>
      void printed.push(`${stream} ${data.toString()}`)
    assert.deepEqual(await bench.engine.exec(ref, { argv: ['a', 'b'] }, sink, never), { exitCode: 4 })
    assert.deepEqual(printed, ['stdout a b: ', 'stdout out', 'stderr err'])
    assert.equal((await bench.engine.diskUsage(ref, { bytes: 1, inodes: 1 }, never))?.bytes, 12)
  })

  test('ends with the sandbox', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({
      exec: async ({ process }) => {
        await once(process.ended, 'abort')
        return { exitCode: 0 }
      },
    })
    const running = bench.engine.exec(ref, { argv: ['waits'] }, () => {}, never)
    await settle()
    bench.engine.crash('one', 9)
    assert.deepEqual(await running, { exitCode: 137 })
  })

  test('is not there unless the script plays it', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({})
    await assert.rejects(
      bench.engine.exec(ref, { argv: ['x'] }, () => {}, never),
      { code: 'command_not_found' },
    )
  })
})
