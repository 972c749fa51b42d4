import { once } from 'node:events'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { JournalMeter } from '../journal-meter.ts'
import type { DatabaseOptions, Operation, Question, Reply } from './messages.ts'

/** The same file in a checkout and in the published package, but for its ending. */
const WORKER = new URL(`./sqlite-worker${extname(import.meta.filename)}`, import.meta.url)

/** What is handed over at once, about: what waits beyond it costs no more than the records that it is about. */
const BATCH_BYTES = 2 * 2 ** 20
const BATCH_OPERATIONS = 5000

interface Asked {
  /** Called when its turn has come. */
  readonly make: () => Operation
  readonly answered: PromiseWithResolvers<Reply>
}

/**
 * Hands operations over to the thread that has the database, in order. Whatever is asked while one commit is under way
 * goes into the next one together, so that the price of a durable commit is shared (group commit).
 */
export class DatabaseThread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #path: string
  readonly #listeners: ThreadListeners
  readonly #waiting: Asked[] = []
  #underWay: Asked[] = []
  #changesUnderWay = 0
  #handedOverMs = 0
  #closing: Promise<void> | undefined
  #failure: ErrandError | undefined

  private constructor(worker: Worker, path: string, listeners: ThreadListeners) {
    this.#worker = worker
    this.#path = path
    this.#listeners = listeners
    worker.on('message', (replies: readonly Reply[]) => this.#take(replies))
    worker.on('error', (error) => this.#fail(error))
    worker.on('exit', () => this.#fail(new Error(this.#closing ? 'it was closed' : 'its thread has ended')))
  }

  /** @throws storage_error for a file that cannot be used */
  static async open(options: DatabaseOptions, listeners: ThreadListeners): Promise<DatabaseThread> {
    const worker = new Worker(WORKER, { workerData: options, name: 'errand-journal' })
    try {
      await once(worker, 'message')
    } catch (error) {
      await worker.terminate()
      throw storageError(options.path, error)
    }
    return new DatabaseThread(worker, options.path, listeners)
  }

  /** @throws storage_error once the thread is gone; what `make` throws */
  ask(make: () => Operation): Promise<Reply> {
    const failure = this.#failure ?? (this.#closing && storageError(this.#path, new Error('it was closed')))
    if (failure !== undefined) return Promise.reject(failure)
    const answered = Promise.withResolvers<Reply>()
    // Those that are asked in one go are handed over in one go.
    if (this.#waiting.push({ make, answered }) === 1) queueMicrotask(() => this.#handOver())
    return answered.promise
  }

  /** What was asked before is done before it ends. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#failure !== undefined) return
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    queueMicrotask(() => this.#handOver())
    await ended
  }

  #handOver(): void {
    if (this.#underWay.length > 0 || this.#failure !== undefined) return
    const operations = this.#takeBatch()
    this.#changesUnderWay = operations.filter(isChange).length
    this.#handedOverMs = this.#listeners.clock.monotonicMs()
    if (operations.length > 0) this.#post(operations)
    else if (this.#closing !== undefined) this.#post('close')
  }

  #takeBatch(): Operation[] {
    const operations: Operation[] = []
    let [bytes, taken] = [0, 0]
    for (const asked of this.#waiting) {
      if (bytes >= BATCH_BYTES || operations.length >= BATCH_OPERATIONS) break
      taken += 1
      const operation = made(asked)
      if (operation === undefined) continue
      bytes += 'row' in operation ? operation.row.json.length : 0
      operations.push(operation)
      this.#underWay.push(asked)
    }
    this.#waiting.splice(0, taken)
    return operations
  }

  #post(question: Question): void {
    this.#worker.postMessage(question)
  }

  #take(replies: readonly Reply[]): void {
    const asked = this.#underWay
    this.#underWay = []
    const { onReply, clock, meter } = this.#listeners
    if (this.#changesUnderWay > 0) meter?.committed(this.#changesUnderWay, clock.monotonicMs() - this.#handedOverMs)
    for (const [index, reply] of replies.entries()) {
      onReply(reply)
      asked[index]?.answered.resolve(reply)
    }
    this.#handOver()
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = storageError(this.#path, error)
    for (const { answered } of [...this.#underWay.splice(0), ...this.#waiting.splice(0)]) answered.reject(this.#failure)
    if (this.#closing === undefined) this.#listeners.onFailure(this.#failure)
  }
}

interface ThreadListeners {
  /** Before whoever asked is answered. */
  readonly onReply: (reply: Reply) => void
  /** The thread is gone, and nobody has asked for that. */
  readonly onFailure: (error: ErrandError) => void
  readonly meter: JournalMeter | undefined
  readonly clock: Clock
}

const CHANGES: ReadonlySet<Operation['kind']> = new Set<Operation['kind']>(['insert', 'save', 'remove'])

function isChange({ kind }: Operation): boolean {
  return CHANGES.has(kind)
}

/** Undefined when it cannot be made, which whoever asked is told. */
function made({ make, answered }: Asked): Operation | undefined {
  try {
    return make()
  } catch (error) {
    answered.reject(error)
    return undefined
  }
}

function storageError(path: string, error: unknown): ErrandError {
  const message = error instanceof Error ? error.message : String(error)
  return new ErrandError('storage_error', `the journal ${path} cannot be used: ${message}`, {
    details: { path },
    cause: error,
  })
}
