import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { collectGarbage } from '../../util/collect-garbage.ts'
import { JournalDatabase } from './journal-database.ts'
import type { DatabaseOptions, Question } from './messages.ts'

/** The thread that has the database, so that a durable commit never holds up the thread that serves requests. */
function serve(port: MessagePort, options: DatabaseOptions): void {
  const database = JournalDatabase.open(options)
  port.on('message', (question: Question) => {
    if (question !== 'close') {
      port.postMessage(database.runAll(question))
      return
    }
    database.close()
    port.close()
  })
  collectGarbage()
  port.postMessage([])
}

if (parentPort !== null) serve(parentPort, workerData as DatabaseOptions)
