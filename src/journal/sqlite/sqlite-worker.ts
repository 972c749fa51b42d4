import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { JournalDatabase } from './journal-database.ts'
import type { Answer, Question } from './messages.ts'

/**
 * The thread that has the database: whatever has been asked meanwhile is done in one transaction, so that the price of a
 * durable commit is shared (group commit), and never paid by the thread that serves requests.
 */
function serve(port: MessagePort, path: string): void {
  const database = JournalDatabase.open(path)
  port.on('message', (first: Question) => {
    const questions = [first, ...waiting(port)]
    const asked = questions.filter(({ operation }) => operation.kind !== 'close')
    const replies = database.runAll(asked.map(({ operation }) => operation))
    const answers: Answer[] = asked.flatMap(({ id }, index) => {
      const reply = replies[index]
      return reply === undefined ? [] : [{ id, reply }]
    })
    if (answers.length > 0) port.postMessage(answers)
    if (asked.length < questions.length) {
      database.close()
      port.close()
    }
  })
  port.postMessage([])
}

function waiting(port: MessagePort): Question[] {
  const questions: Question[] = []
  for (;;) {
    const received: { message: Question } | undefined = receiveMessageOnPort(port)
    if (received === undefined) return questions
    questions.push(received.message)
  }
}

if (parentPort !== null) serve(parentPort, String(workerData))
