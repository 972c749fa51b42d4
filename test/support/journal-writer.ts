/**
 * Keeps executions in the journal of `argv[2]` until it is killed, and tells on stdout what is durable, a line each:
 * `accepted ID`, `settled ID`. Ids begin with `argv[3]`.
 */
import { writeSync } from 'node:fs'
import { type Note, note } from '../../src/journal/conformance.ts'
import { SqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'

const [file = '', prefix = ''] = process.argv.slice(2)
const CONCURRENCY = 32

/** At once: what is told must not wait in a buffer of this process. Its reader may be slower. */
function tell(text: string): void {
  for (;;) {
    try {
      writeSync(1, `${text}\n`)
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    }
  }
}

const journal = await SqliteJournal.open<Note>(file, { reserveBytes: 2 ** 20 })
tell('open')
await Promise.all(
  Array.from({ length: CONCURRENCY }, async (_, worker) => {
    for (let index = 0; ; index += 1) {
      const id = `${prefix}-${worker}-${index}`
      await journal.insert(note(id, { text: id.repeat(20) }), { key: id, digest: 'd' })
      tell(`accepted ${id}`)
      await journal.save(note(id, { status: 'succeeded', text: id.repeat(20) }))
      tell(`settled ${id}`)
    }
  }),
)
