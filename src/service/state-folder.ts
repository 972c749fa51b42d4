import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { z } from 'zod'
import { ErrandError } from '../core/errors.ts'
import { isId, randomId } from '../core/ids.ts'
import type { Installation } from '../instance/identity.ts'
import { writeDurably } from '../util/durable-file.ts'
import { storageCodeOf } from '../util/storage-code.ts'
import { unlessMissing } from '../util/unless-missing.ts'

const HOLDER = 'holder.json'

/** Says who holds the lock, for people; the lock itself is the kernel's. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** RFC 3339. */
  readonly startedAt: string
}

const holderSchema: z.ZodType<Holder> = z.object({ pid: z.int(), host: z.string(), startedAt: z.string() })

const installationSchema = z.object({
  id: z.string().refine(isId),
  macKey: z.string().regex(/^[0-9a-f]{64}$/),
})

/** Another daemon works on this state folder. */
export class StateFolderLocked extends ErrandError {
  /** Undefined when it has not said who it is yet. */
  readonly holder: Holder | undefined

  constructor(path: string, holder: Holder | undefined) {
    const who = holder && `process ${holder.pid} on ${holder.host}, started ${holder.startedAt}`
    super('storage_error', `the state folder ${path} is in use by ${who ?? 'another process'}`, {
      details: { path, ...holder },
    })
    this.holder = holder
  }
}

/** What outlives the daemon on disk, for one daemon at a time. Disposing lets the next one in. */
export class StateFolder implements AsyncDisposable {
  readonly path: string
  /** Made at the first start, the same ever after. */
  readonly installation: Installation
  readonly #lock: DatabaseSync

  private constructor(path: string, installation: Installation, lock: DatabaseSync) {
    this.path = path
    this.installation = installation
    this.#lock = lock
  }

  /**
   * Makes the folder and what is missing in it. The folder is for its owner alone (0700), also when somebody else has made it:
   * in it is what callers sent, and what tokens are checked against.
   * @param makeRoom called once it is ours, before anything is written: a full disk must not keep a daemon from what runs
   * @throws StateFolderLocked at once when another daemon has it; storage_error when it cannot be used or is damaged
   */
  static async open(path: string, makeRoom: () => void = () => {}): Promise<StateFolder> {
    await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => fail(path, error))
    await chmod(path, 0o700).catch((error: unknown) => fail(path, error))
    const lock = takeLock(join(path, 'lock.db')) ?? (await refuse(path))
    try {
      makeRoom()
      await announce(path)
      return new StateFolder(path, await loadInstallation(path), lock)
    } catch (error) {
      lock.close()
      return fail(path, error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#lock.isOpen) return
    await rm(join(this.path, HOLDER), { force: true }).catch(() => {}) // only informs; the lock decides
    this.#lock.close()
  }
}

/**
 * An open transaction of SQLite is an fcntl lock, which the kernel drops when the process dies, however it dies. Nothing
 * else may open this file in this process: closing any descriptor of it would drop the lock too.
 */
function takeLock(file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file)
    // Nothing is ever written to it, a rollback journal included: there may be no room for one.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (isBusy(error)) return undefined
    return fail(file, error)
  }
}

/** SQLITE_BUSY; the extended codes keep it in their low byte. */
function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' && (code & 0xff) === 5
}

async function refuse(path: string): Promise<never> {
  const text = await readFile(join(path, HOLDER), 'utf8').catch(() => '')
  throw new StateFolderLocked(path, parseJson(holderSchema, text))
}

function describeThisProcess(): Holder {
  return { pid: process.pid, host: hostname(), startedAt: new Date(Date.now() - process.uptime() * 1000).toISOString() }
}

/** It only informs: on a full disk there is no word of a holder rather than one of an earlier process. */
async function announce(path: string): Promise<void> {
  try {
    await writeDurably(path, HOLDER, describeThisProcess())
  } catch (error) {
    if (storageCodeOf(error) !== 'storage_full') throw error
    await rm(join(path, HOLDER), { force: true })
  }
}

/** @throws storage_error when it is damaged: a new identity would orphan the sandboxes of the old one */
async function loadInstallation(path: string): Promise<Installation> {
  const file = join(path, 'installation.json')
  const text = await readFile(file, 'utf8').catch(unlessMissing)
  if (text === undefined) return makeInstallation(path)
  const stored = parseJson(installationSchema, text)
  if (stored !== undefined) return { id: stored.id, macKey: Buffer.from(stored.macKey, 'hex') }
  const advice = 'restore it, or remove it once none of its containers (label dev.errand.installation) is left'
  throw new ErrandError('storage_error', `${file} is damaged: ${advice}`, { details: { path: file } })
}

async function makeInstallation(path: string): Promise<Installation> {
  const installation = { id: randomId(), macKey: randomBytes(32) }
  await writeDurably(path, 'installation.json', { id: installation.id, macKey: installation.macKey.toString('hex') })
  return installation
}

function parseJson<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function fail(path: string, error: unknown): never {
  if (error instanceof ErrandError) throw error
  const reason = error instanceof Error ? error.message : String(error)
  throw new ErrandError('storage_error', `the state folder ${path} cannot be used: ${reason}`, { cause: error })
}
