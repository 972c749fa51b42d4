import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { backupPath, MIGRATIONS, migrate, SCHEMA_VERSION } from '../../src/journal/sqlite/schema.ts'
import { JOURNAL_FILE } from '../../src/journal/sqlite/sqlite-journal.ts'
import { assertExecutions } from '../support/execution-invariants.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { scale } from '../support/scale.ts'
import { smallExecution } from '../support/small-executions.ts'

/** An image that is missing is built first. */
const options = { timeout: 600_000 }

const COPIES = [
  `INSERT INTO executions (seq, executor, id, caller, status, accepted_ms, is_settled, record)
    SELECT seq, executor, id, caller, status, accepted_ms, is_settled, json_remove(record, '$.terms') FROM now.executions`,
  'INSERT INTO keys SELECT * FROM now.keys',
  'INSERT INTO events SELECT * FROM now.events',
]

/** Makes of a journal one that the first version has written. */
async function makeOld(file: string): Promise<void> {
  const old = `${file}.old`
  {
    using database = new DatabaseSync(old)
    migrate(database, old, MIGRATIONS.slice(0, 1))
    database.prepare('ATTACH ? AS now').run(file)
    for (const copy of COPIES) database.exec(copy)
  }
  for (const ending of ['', '-wal', '-shm']) await rm(`${file}${ending}`, { force: true })
  await rename(old, file)
}

function setVersion(file: string, version: number): void {
  using database = new DatabaseSync(file)
  database.exec(`PRAGMA user_version = ${version}`)
}

describe('F12: the journal of another version', options, () => {
  let image = ''

  before(async () => {
    image = await ensureImage('busybox')
  })

  test('is brought to this one, and what ran under the first version is adopted', async () => {
    await using node = await MortalNode.make()
    const file = join(node.home.stateDir, JOURNAL_FILE)
    const all = Array.from({ length: scale(5, 20) }, (_, index) =>
      smallExecution(`old-${index}`, image, { seconds: 8, exitCode: index % 3 }),
    )
    await node.start()
    await Promise.all(all.map(({ id, body }) => node.client.submit(body, id)))
    await Promise.all(all.map(({ id }) => node.client.until(id, 'running')))
    await node.kill()
    await makeOld(file)
    await node.start()
    assert.ok(existsSync(backupPath(file, 1)))
    for (const { id } of all) await node.ask((client) => client.wait(id))
    await assertExecutions(node, new Map(all.map(({ id, meant }) => [id, meant])))
  })

  test('is left alone when it is newer: the daemon says so, and exits with 74', async () => {
    await using node = await MortalNode.make()
    const file = join(node.home.stateDir, JOURNAL_FILE)
    await node.start()
    await node.kill()
    setVersion(file, SCHEMA_VERSION + 1)
    const refused = node.spawn()
    assert.deepEqual(await refused.ended, { code: 74, signal: null })
    const sentence = `was written by a newer version of Errand (schema ${SCHEMA_VERSION + 1}; this one knows ${SCHEMA_VERSION})`
    assert.ok(refused.log.text.includes(sentence), refused.log.text)
    setVersion(file, SCHEMA_VERSION)
    await node.start()
  })
})
