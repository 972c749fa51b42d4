import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { Deadline } from '../../core/wait.ts'
import type { Allowance } from '../../files/allowance.ts'
import { discardTree } from '../../files/remove-tree.ts'
import { coded } from '../../files/tree-writer.ts'
import { receiveUpload } from '../../files/upload.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Serial } from '../../util/serial.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import type { TrackedRecord } from './tracked-record.ts'
import type { UploadStore } from './upload-store.ts'

/** The folder of uploads, in an execution's own. */
export const UPLOADS = 'uploads'
/** How much may come between two looks at the disk. */
const LOOK_EVERY_BYTES = 16 * 2 ** 20

interface Held {
  readonly folder: string
  readonly allowance: Allowance
}

/**
 * What a caller sends for one execution before it starts. An upload counts once its record says so, which is before its
 * sender is told; one that is not whole leaves nothing. Another may take its place until the files are in use.
 */
export class Uploads {
  readonly #store: UploadStore
  readonly #record: TrackedRecord
  /** The execution's own. */
  readonly #root: string
  /** With whether the execution may change them. */
  readonly #names: ReadonlyMap<string, boolean>
  readonly #arrived = Promise.withResolvers<void>()
  readonly #commits = new Serial()
  readonly #work = new BackgroundWork()
  #held: Held | undefined
  #receiving: AbortController | undefined
  #closedBy: ErrandError | undefined
  /** What an earlier process has received may be there, and was not looked for. */
  #isUnread = false

  private constructor(store: UploadStore, plan: ExecutionPlan, record: TrackedRecord, root: string) {
    this.#store = store
    this.#record = record
    this.#root = root
    this.#names = namesIn(plan)
  }

  /** With what an earlier process has received. @throws storage_full; storage_error */
  static async open(store: UploadStore, plan: ExecutionPlan, record: TrackedRecord, root: string): Promise<Uploads> {
    const uploads = new Uploads(store, plan, record, root)
    if (uploads.#names.size > 0) await coded(uploads.#takeOver())
    if (!uploads.isAwaited) uploads.#arrived.resolve()
    return uploads
  }

  /** Without a look at what an earlier process has received, for one that was given it then: only if it is used again. */
  static without(store: UploadStore, plan: ExecutionPlan, record: TrackedRecord, root: string): Uploads {
    const uploads = new Uploads(store, plan, record, root)
    uploads.#isUnread = true
    uploads.#arrived.resolve()
    return uploads
  }

  /** Whether the execution waits for them. */
  get isAwaited(): boolean {
    return this.#names.size > 0 && this.#held === undefined && this.#closedBy === undefined
  }

  /** @throws resources_exhausted when they have not come within `timeoutMs`; signal.reason */
  async arrived(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const tooLate = (): ErrandError =>
      new ErrandError('resources_exhausted', `its inputs were not sent within ${timeoutMs} ms`)
    using deadline = new Deadline(this.#store.deps.clock, timeoutMs, tooLate, signal)
    await abortable(this.#arrived.promise, deadline.signal)
  }

  /**
   * Receives them, in place of what came before. Resolves when they will not be lost. While another one is received, that
   * one is given up.
   * @throws already_exists once they are in use; validation_failed; storage_full; storage_error; what `tar` rejects with;
   * cancelled by a later one; signal.reason
   */
  async receive(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    if (this.#names.size === 0) throw new ErrandError('validation_failed', 'the execution asks for no upload')
    this.#assertOpen()
    this.#receiving?.abort(new ErrandError('cancelled', 'another upload took the place of this one'))
    const own = new AbortController()
    this.#receiving = own
    const receiving = this.#receive(tar, AbortSignal.any([signal, own.signal]))
    this.#work.add(receiving.catch(() => {})) // its sender is told
    await receiving
  }

  /** Where each of them is. From now on they are in use. @throws not_ready when they have not come; storage_error */
  async use(): Promise<(name: string) => string> {
    return this.#commits.run(async () => {
      this.seal()
      if (this.#isUnread) await coded(this.#takeOver())
      this.#isUnread = false
      const held = this.#held
      if (held === undefined && this.#names.size > 0) throw new ErrandError('not_ready', 'its inputs have not come')
      return (name) => join(held?.folder ?? '', name)
    })
  }

  /** They are in use. */
  seal(): void {
    const { executionId } = this.#record.value
    this.refuse(new ErrandError('already_exists', `execution ${executionId} has its inputs, and uses them already`))
  }

  /** Ends what is received, and takes no more. */
  refuse(reason: ErrandError): void {
    this.#closedBy = reason
    this.#receiving?.abort(reason)
  }

  /** After `refuse`: waits for what was received, and removes what is there unless it `stays`. */
  async close(stays: boolean): Promise<void> {
    await this.#work.idle()
    if (stays || this.#names.size === 0) return
    await discardTree(join(this.#root, UPLOADS), this.#store.deps.trash)
    this.#letGo(this.#held)
    this.#held = undefined
  }

  async #receive(tar: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { assertRoom = async () => {} } = this.#store.deps
    const upload = randomId()
    const held: Held = { folder: join(this.#root, UPLOADS, upload), allowance: this.#store.allow() }
    await receiveUpload(watched(tar, assertRoom), { ...held, root: this.#root, names: this.#names }, signal)
    try {
      await this.#commits.run(() => this.#commit(upload, held, signal))
    } catch (error) {
      await this.#discard(held)
      throw error
    }
  }

  async #commit(upload: string, held: Held, signal: AbortSignal): Promise<void> {
    this.#assertOpen()
    signal.throwIfAborted()
    const { bytes, files } = held.allowance.taken
    await this.#record.amend({ upload: { folder: upload, bytes, files } })
    const before = this.#held
    this.#held = held
    this.#arrived.resolve()
    if (before !== undefined) await this.#discard(before)
  }

  /** What an earlier process was told of is here; what it had not received whole is nothing. */
  async #takeOver(): Promise<void> {
    const { upload } = this.#record.value
    const folder = join(this.#root, UPLOADS)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const strays = (await readdir(folder)).filter((name) => name !== upload?.folder)
    for (const name of strays) await discardTree(join(folder, name), this.#store.deps.trash)
    if (upload === undefined) return
    const place = join(folder, upload.folder)
    if (!(await exists(place))) return
    const allowance = this.#store.allow()
    allowance.occupy(upload.bytes, upload.files)
    this.#held = { folder: place, allowance }
  }

  async #discard(held: Held): Promise<void> {
    this.#letGo(held)
    const { trash, log } = this.#store.deps
    await discardTree(held.folder, trash).catch((error: unknown) => {
      log.warn({ err: error, folder: held.folder }, 'an upload could not be removed')
    })
  }

  #letGo(held: Held | undefined): void {
    if (held === undefined) return
    const { bytes, files } = held.allowance.taken
    held.allowance.giveBack(bytes, files)
  }

  #assertOpen(): void {
    if (this.#closedBy !== undefined) throw this.#closedBy
  }
}

function namesIn({ inputs }: ExecutionPlan): ReadonlyMap<string, boolean> {
  const names = new Map<string, boolean>()
  for (const input of inputs) {
    if (input.type !== 'upload') continue
    const { upload, readOnly = true } = input
    names.set(upload, names.get(upload) === true || !readOnly)
  }
  return names
}

async function* watched(
  tar: AsyncIterable<Uint8Array>,
  assertRoom: () => Promise<void>,
): AsyncGenerator<Uint8Array, void> {
  let untilLook = 0
  for await (const chunk of tar) {
    untilLook -= chunk.length
    if (untilLook < 0) {
      await assertRoom()
      untilLook = LOOK_EVERY_BYTES
    }
    yield chunk
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
