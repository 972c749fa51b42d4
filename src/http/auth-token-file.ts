import type { BigIntStats } from 'node:fs'
import { constants, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { ErrandError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import { OPERATOR } from './auth.ts'
import type { KeptToken } from './auth-token.ts'
import { SCOPES } from './contract/scope.ts'

const tokenSchema: z.ZodType<KeptToken> = z.strictObject({
  id: z.string().refine((id) => isId(id) && id !== OPERATOR.caller.id),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(z.enum(SCOPES)).min(1),
  createdAt: z.string(),
})

const fileSchema = z.strictObject({ tokens: z.array(tokenSchema) })

/** The tokens of a node, in a file that its owner alone can read. It need not exist: then there are none. */
export class TokenFile {
  readonly path: string
  /** As it was last read, and what tells that it has changed. */
  #seen: { readonly mark: string; readonly tokens: readonly KeptToken[] } = { mark: '', tokens: [] }

  constructor(path: string) {
    this.path = path
  }

  /**
   * Reads the file when it has changed, so that what was revoked is refused at once.
   * @throws storage_error when it is damaged, or others can read it: then there is no telling whom to trust
   */
  async tokens(): Promise<readonly KeptToken[]> {
    const file = await this.#open()
    if (file === undefined) return []
    try {
      const stats = await file.stat({ bigint: true })
      const mark = `${stats.ino} ${stats.ctimeNs} ${stats.size}`
      if (mark !== this.#seen.mark) this.#seen = { mark, tokens: await this.#read(file, stats) }
      return this.#seen.tokens
    } finally {
      await file.close()
    }
  }

  /**
   * Replaces all tokens by what `change` makes of them, durably, and unless somebody else is at it.
   * @throws storage_error; what `change` throws, and then nothing has changed
   */
  async change(change: (tokens: readonly KeptToken[]) => readonly KeptToken[]): Promise<void> {
    const draft = `${this.path}.draft`
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 }).catch((error: Error) => this.#fail(error))
    const file = await this.#openDraft(draft)
    try {
      await file.writeFile(`${JSON.stringify({ tokens: change(await this.tokens()) }, null, 2)}\n`)
      await file.sync()
      await rename(draft, this.path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error instanceof ErrandError ? error : this.#fail(error)
    } finally {
      await file.close()
    }
    await using folder = await open(dirname(this.path), 'r')
    await folder.sync()
  }

  async #open(): Promise<FileHandle | undefined> {
    try {
      return await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      return this.#fail(error)
    }
  }

  /** That it must not be there yet keeps two changes apart: one would undo what the other has revoked. */
  async #openDraft(draft: string): Promise<FileHandle> {
    try {
      return await open(draft, 'wx', 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return this.#fail(error)
      throw new ErrandError('storage_error', `tokens are being changed by somebody else; if by nobody, remove ${draft}`)
    }
  }

  async #read(file: FileHandle, { mode, uid }: BigIntStats): Promise<readonly KeptToken[]> {
    const mine = process.geteuid?.() ?? 0
    if ((mode & 0o077n) !== 0n || (uid !== BigInt(mine) && uid !== 0n)) {
      throw new ErrandError('storage_error', `${this.path} must be this user's own, with mode 0600`)
    }
    try {
      return fileSchema.parse(JSON.parse(await file.readFile('utf8'))).tokens
    } catch (cause) {
      throw new ErrandError('storage_error', `${this.path} is damaged: no token is taken`, { cause })
    }
  }

  #fail(error: unknown): never {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ErrandError('storage_error', `${this.path} cannot be used: ${reason}`, { cause: error })
  }
}
