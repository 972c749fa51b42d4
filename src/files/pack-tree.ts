import { readdir } from 'node:fs/promises'
import { type Pack, pack } from 'tar-stream'
import { ErrandError } from '../core/errors.ts'
import { OpenPath } from './open-path.ts'
import { openHeldFile, openResult, readFileRange } from './open-result.ts'

/** Where something to be packed is, and its name in the archive. */
export interface Packed {
  /** The results folder. */
  readonly folder: string
  readonly parts: readonly string[]
  readonly name: string
}

/** Entries that may be made before the reader has taken those before them: tar-stream itself bounds contents alone. */
const MOST_AHEAD = 256

/**
 * Files and folders as a tar archive, made as it is read: memory does not grow with them, and no link is followed. Whoever
 * stops reading frees everything. @throws not_found; storage_error
 */
export async function* packTree(trees: readonly Packed[]): AsyncGenerator<Uint8Array, void> {
  const packing = new Packing()
  const done = packing.run(trees)
  try {
    for await (const piece of packing.packer) {
      yield piece as Uint8Array
      packing.taken()
    }
  } finally {
    packing.packer.destroy()
    packing.taken()
    await done
  }
}

class Packing {
  readonly packer: Pack = pack()
  #ahead = 0
  #onTaken: () => void = () => {}

  /** Never rejects: the packer's reader is told. */
  async run(trees: readonly Packed[]): Promise<void> {
    try {
      for (const { folder, parts, name } of trees) {
        using held = await openResult(folder, parts)
        await this.#add(held, name)
      }
      this.packer.finalize()
    } catch (error) {
      this.packer.destroy(ErrandError.from(error))
    }
  }

  /** The reader has come so far that it wants the next piece, of which every entry has one at least. */
  taken(): void {
    this.#ahead = Math.max(0, this.#ahead - 1)
    this.#onTaken()
  }

  async #add(held: OpenPath, name: string): Promise<void> {
    await this.#makeRoom()
    if (held.isFile) await this.#addFile(held, name)
    if (!held.isFolder) return
    await this.#enter({ name: `${name}/`, type: 'directory', mode: 0o755 }, [])
    for (const inner of (await readdir(held.path)).sort()) {
      using below = await OpenPath.open(`${held.path}/${inner}`, false)
      await this.#add(below, `${name}/${inner}`)
    }
  }

  async #addFile(held: OpenPath, name: string): Promise<void> {
    await using file = await openHeldFile(held)
    const { size, mode, mtime } = await file.stat()
    await this.#enter({ name, size, mode: mode & 0o777, mtime }, readFileRange(file, 0, size))
  }

  /** Rejects, too, when nobody reads any more. */
  async #enter(header: Parameters<Pack['entry']>[0], content: AsyncIterable<Buffer> | []): Promise<void> {
    this.#ahead += 1
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    promise.catch(() => {}) // it is awaited below, unless the content fails first
    const sink = this.packer.entry(header, (error) => (error ? reject(error) : resolve()))
    for await (const piece of content) if (!sink.write(piece)) await Promise.race([drained(sink), promise])
    sink.end(undefined)
    await promise
  }

  async #makeRoom(): Promise<void> {
    while (this.#ahead >= MOST_AHEAD && !this.packer.destroyed) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onTaken = resolve
      await promise
    }
  }
}

function drained(sink: ReturnType<Pack['entry']>): Promise<void> {
  return new Promise((resolve) => void sink.once('drain', resolve))
}
