import assert from 'node:assert/strict'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { silentLog } from '../core/log.ts'
import type { LogStream } from './extent.ts'
import { HumanLogs } from './human-logs.ts'
import { LogKit } from './log-kit.fixture.ts'

/** A log, and the files made of it. */
async function openBoth(limitBytes: number) {
  const kit = await LogKit.open({ limitBytes })
  const folder = join(dirname(kit.options.folder), 'results')
  await mkdir(folder)
  const files = await HumanLogs.open(folder, limitBytes, silentLog)
  const print = (stream: LogStream, text: string) => {
    kit.log.append(stream, Buffer.from(text))
    files.append(stream, Buffer.from(text))
  }
  const end = async () => {
    await kit.log.end()
    await files.complete(kit.log)
  }
  const read = (stream: LogStream) => readFile(join(folder, `${stream}.log`), 'utf8')
  return { kit, folder, files, print, end, read }
}

describe('the log files for people', () => {
  test('have the same as the log, each its stream', async () => {
    const { kit, print, end, read } = await openBoth(1000)
    await using _kit = kit
    print('stdout', 'one\n')
    print('stderr', 'oh\n')
    print('stdout', 'two')
    await end()
    assert.deepEqual([await read('stdout'), await read('stderr')], ['one\ntwo', 'oh\n'])
  })

  test('have the beginning while the task runs, and the end with a marker afterwards', async () => {
    const { kit, files, print, end, read } = await openBoth(80)
    await using _kit = kit
    for (let line = 1; line < 100; line += 1) print('stdout', `line ${line}\n`)
    while ((await read('stdout')).length < 40) await kit.log.written()
    assert.equal(await read('stdout'), 'line 1\nline 2\nline 3\nline 4\nline 5\nline ')
    await end()
    const [head, marker, ...tail] = (await read('stdout')).split('\n').slice(5)
    assert.equal(head, 'line ')
    assert.match(marker ?? '', /^\[\.\.\. \d+ bytes left out \.\.\.\]$/)
    assert.deepEqual(tail.slice(-4), ['line 97', 'line 98', 'line 99', ''])
    await files.close()
  })

  test('get what was caught up on from the log, and say where something may be missing', async () => {
    const { kit, print, end, read } = await openBoth(1000)
    await using _kit = kit
    print('stdout', 'live')
    kit.log.noteGap()
    kit.log.append('stdout', Buffer.from('later\n'))
    await end()
    assert.equal(await read('stdout'), 'live\n[... output may be missing here ...]\nlater\n')
  })

  test('are made anew for a log that goes on after a crash', async () => {
    const { kit, folder, print, files, read } = await openBoth(1000)
    await using _kit = kit
    print('stdout', 'before ')
    await files.close()
    await kit.log.end()
    const again = await HumanLogs.open(folder, 0, silentLog)
    again.append('stdout', Buffer.from('not taken live'))
    await again.complete(kit.log)
    assert.equal(await read('stdout'), 'before ')
  })

  test('follow no link that stands in their place', async () => {
    const { kit, folder, files } = await openBoth(1000)
    await using _kit = kit
    await files.close()
    const precious = join(dirname(folder), 'precious')
    await writeFile(precious, 'precious')
    await HumanLogs.remove(folder, silentLog)
    await symlink(precious, join(folder, 'stdout.log'))
    const again = await HumanLogs.open(folder, 1000, silentLog)
    again.append('stdout', Buffer.from('x'))
    await again.close()
    assert.equal(await readFile(precious, 'utf8'), 'precious')
  })

  test('are gone after their removal, which can be repeated', async () => {
    const { kit, folder, files, read } = await openBoth(1000)
    await using _kit = kit
    await files.close()
    await HumanLogs.remove(folder, silentLog)
    await HumanLogs.remove(folder, silentLog)
    await assert.rejects(read('stdout'), { code: 'ENOENT' })
  })

  test('fail nothing when they cannot be completed, which is logged', async () => {
    const { kit, folder, files } = await openBoth(1000)
    await files.close()
    const log = new RecordingLog()
    const lost = await HumanLogs.open(folder, 1000, log)
    await rm(folder, { recursive: true })
    await kit[Symbol.asyncDispose]()
    await lost.complete(kit.log)
    assert.equal(log.factsOf('a log file for people is incomplete').length, 2)
  })
})
