import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { ErrandError } from '../../core/errors.ts'
import type { ConfigHost } from '../../daemon/config/host.ts'
import { writeDurably } from '../../util/durable-file.ts'

/** Where a daemon is, under a name. */
export interface DaemonContext {
  /** `unix:///PATH`, `http://HOST:PORT` or `https://HOST:PORT`. */
  readonly url: string
  /** Absolute. The token itself is never kept here. */
  readonly tokenFile?: string
  /** Absolute: who may vouch for an `https` address, as PEM. Default: the authorities that Node.js knows. */
  readonly caFile?: string
}

export interface Contexts {
  /** The one that commands use; always one of those that there are. */
  readonly current?: string
  readonly contexts: Readonly<Record<string, DaemonContext>>
}

const FOLDER_MODE = 0o700
const FILE = 'contexts.json'

const contextsSchema: z.ZodType<Contexts> = z
  .strictObject({
    current: z.string().exactOptional(),
    contexts: z.record(
      z.string(),
      z.strictObject({
        url: z.string(),
        tokenFile: z.string().exactOptional(),
        caFile: z.string().exactOptional(),
      }),
    ),
  })
  .refine(({ current, contexts }) => current === undefined || Object.hasOwn(contexts, current))

/** `$XDG_CONFIG_HOME/errand`, else `~/.config/errand`: relative paths do not count, as the XDG specification says. */
function folderOf({ environment, homeDir }: ConfigHost): string {
  const base = environment.XDG_CONFIG_HOME
  return `${base?.startsWith('/') ? base : `${homeDir}/.config`}/errand`
}

/** The contexts of one user, in a file of mode 0600. */
export class ContextFile {
  readonly #folder: string

  constructor(host: ConfigHost) {
    this.#folder = folderOf(host)
  }

  get path(): string {
    return `${this.#folder}/${FILE}`
  }

  /** @throws validation_failed when the file is damaged; storage_error when it cannot be read; forbidden when others may write it */
  async read(): Promise<Contexts> {
    const text = await readFile(this.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw new ErrandError('storage_error', `${this.path} cannot be read: ${error.message}`, { cause: error })
    })
    if (text === undefined) return { contexts: {} }
    // Whoever can write it decides where tokens are sent.
    if (((await stat(this.path)).mode & 0o022) !== 0) {
      throw new ErrandError('forbidden', `${this.path} can be written by others: chmod 600 ${this.path}`)
    }
    const parsed = contextsSchema.safeParse(parseJson(text))
    if (parsed.success) return parsed.data
    throw new ErrandError('validation_failed', `${this.path} is damaged: correct it, or remove it`)
  }

  /** @throws as `read`, and storage_error when it cannot be written */
  async change(update: (contexts: Contexts) => Contexts): Promise<void> {
    const changed = update(await this.read())
    try {
      await mkdir(dirname(this.#folder), { recursive: true })
      await mkdir(this.#folder, { recursive: true, mode: FOLDER_MODE })
      await writeDurably(this.#folder, FILE, changed)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new ErrandError('storage_error', `${this.path} cannot be written: ${why}`, { cause })
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
