import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { FakeEngine, type FakeScript } from '../engine/fake/fake-engine.ts'
import { SqliteJournal } from '../journal/sqlite/sqlite-journal.ts'
import type { ExecutionRecord } from '../service/executor.ts'
import { loadConfig } from './config/load.ts'
import { Daemon } from './daemon.ts'

/** Outlives the daemons that use it. */
class LastingEngine extends FakeEngine {
  override readonly name = 'docker'

  override async [Symbol.asyncDispose](): Promise<void> {}

  end(): Promise<void> {
    return super[Symbol.asyncDispose]()
  }
}

/** The state and the engine of a node, for one daemon after the other. */
export class LastingNode implements AsyncDisposable {
  readonly engine: FakeEngine
  readonly #engine: LastingEngine
  readonly #folder: string
  #awayMs = 0

  private constructor(engine: LastingEngine, folder: string) {
    this.engine = engine
    this.#engine = engine
    this.#folder = folder
  }

  static async make(images: Readonly<Record<string, FakeScript>>): Promise<LastingNode> {
    return new LastingNode(new LastingEngine({ images }), await mkdtemp(join(tmpdir(), 'errand-lasting-')))
  }

  get stateDir(): string {
    return join(this.#folder, 'state')
  }

  /** Whoever opened it disposes it, which lets go of executions. */
  async open(...settings: readonly string[]): Promise<Daemon> {
    const given = new Set(settings.map((setting) => setting.split('=')[0]))
    const usual = ['resources.hostCheck=none', 'node=test', 'cpu=1', 'mem=1024']
    const set = [...usual.filter((setting) => !given.has(setting.split('=')[0])), ...settings]
    const { config } = loadConfig({
      stateDir: this.stateDir,
      runDir: join(this.#folder, 'run'),
      listen: ['127.0.0.1:0'],
      set,
    })
    const clock: Clock = {
      wallMs: () => systemClock.wallMs() + this.#awayMs,
      monotonicMs: () => systemClock.monotonicMs(),
      setTimer: (delayMs, onTime) => systemClock.setTimer(delayMs, onTime),
    }
    const deps = { log: silentLog, clock, openEngine: async () => this.#engine }
    return Daemon.open(config, deps, AbortSignal.timeout(60_000))
  }

  /** As if the daemon was away for so long. */
  pass(ms: number): void {
    this.#awayMs += ms
  }

  /** Changes records while no daemon is at work. */
  async rewrite(change: (record: ExecutionRecord) => ExecutionRecord): Promise<void> {
    await using journal = await SqliteJournal.open<ExecutionRecord>(join(this.stateDir, 'journal.db'))
    const { records } = await journal.page(await journal.adopt('test'), { limit: 100 })
    for (const record of records) await journal.save(change(record))
  }

  /** As if the node had had another name when this one was accepted. */
  async rename(executionId: string, executorId: string): Promise<void> {
    await using journal = await SqliteJournal.open<ExecutionRecord>(join(this.stateDir, 'journal.db'))
    const of = await journal.adopt('test')
    const record = await journal.find(of, executionId)
    if (record === undefined) throw new Error(`there is no ${executionId}`)
    await journal.remove(of, executionId)
    await journal.insert({ ...record, executorId })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.end()
    await rm(this.#folder, { recursive: true })
  }
}
