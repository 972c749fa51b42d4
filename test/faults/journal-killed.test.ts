import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { JournalFolder } from '../../src/journal/sqlite/journal-folder.fixture.ts'
import { assertSound } from '../../src/journal/sqlite/soundness.ts'
import { scale } from '../support/scale.ts'

const WRITER = join(import.meta.dirname, '../support/journal-writer.ts')
const MOST_LINES = 2000

/** Lets a process write, kills it after some line that it told, and returns all that it told. */
async function writeUntilKilled(file: string, prefix: string, lines: number): Promise<string[]> {
  const writer = spawn(process.execPath, [WRITER, file, prefix], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(writer, 'close')
  const told: string[] = []
  for await (const line of createInterface({ input: writer.stdout })) {
    told.push(line)
    if (told.length === lines) writer.kill('SIGKILL')
  }
  const [, signal] = await ended
  assert.equal(signal, 'SIGKILL')
  return told.filter((line) => line !== 'open')
}

test('F22: what was told to be durable is there after SIGKILL at any instant, whole', async () => {
  await using folder = await JournalFolder.make()
  const told: string[] = []
  for (let round = 0; round < scale(5, 50); round += 1) {
    told.push(...(await writeUntilKilled(folder.file, `r${round}`, randomInt(2, MOST_LINES))))
    assertSound(folder.file)
  }
  await using journal = await folder.open()
  for (const line of told) {
    const [what = '', id = ''] = line.split(' ')
    const record = await journal.find('one', id)
    assert.equal(record?.text, id.repeat(20), line)
    if (what === 'settled') assert.equal(record.status, 'succeeded', line)
    assert.equal((await journal.insert(record, { key: id, digest: 'd' }))?.executionId, id)
  }
})
