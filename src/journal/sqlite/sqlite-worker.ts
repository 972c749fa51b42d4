import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../core/clock.ts'
import { collectGarbage } from '../../util/collect-garbage.ts'
import { Heartbeat } from '../../util/heartbeat.ts'
import { IdleCollection } from '../../util/idle-collection.ts'
import { LoopWatchdog } from '../../util/loop-watchdog.ts'
import { JournalDatabase } from './journal-database.ts'
import type { DatabaseOptions, Question } from './messages.ts'

/** The thread that has the database, so that a durable commit never holds up the thread that serves requests. */
function serve(port: MessagePort, options: DatabaseOptions): void {
  const database = JournalDatabase.open(options)
  const idle = new IdleCollection({ clock: systemClock })
  const { heartbeat } = options
  const watchdog = heartbeat && new LoopWatchdog({ heartbeat: new Heartbeat(heartbeat), clock: systemClock })
  port.on('message', (question: Question) => {
    if (question !== 'close') {
      port.postMessage(database.runAll(question))
      return
    }
    idle[Symbol.dispose]()
    watchdog?.[Symbol.dispose]()
    database.close()
    port.close()
  })
  collectGarbage()
  port.postMessage([])
}

if (parentPort !== null) serve(parentPort, workerData as DatabaseOptions)
