import { posix } from 'node:path'
import { type Header, type Pack, pack } from 'tar-stream'
import { ErrandError } from '../../core/errors.ts'
import { isWithin } from '../../util/is-within.ts'
import type { DiskUsage, SandboxMount } from '../engine.ts'
import type { FakeFile } from './fake-script.ts'

type Entry = Exclude<FakeFile, string>

const ZEROS = Buffer.alloc(64 * 1024)

const TAR_TYPES = {
  file: 'file',
  zeros: 'file',
  'symbolic link': 'symlink',
  'hard link': 'link',
  folder: 'directory',
  fifo: 'fifo',
  device: 'character-device',
} satisfies Record<Entry['kind'], Header['type']>

/** The file system of one fake sandbox, by absolute path. */
export class FakeFiles {
  readonly #entries = new Map<string, Entry>()
  /** Paths that are not as they were in the image. */
  readonly #written = new Set<string>()
  readonly #mounts: readonly SandboxMount[]

  /** `image` is what the image brings along. */
  constructor(image: Readonly<Record<string, FakeFile>> = {}, mounts: readonly SandboxMount[] = []) {
    this.#mounts = mounts
    for (const [path, file] of Object.entries(image)) this.#entries.set(path, toEntry(file))
  }

  write(path: string, file: FakeFile): void {
    this.#entries.set(path, toEntry(file))
    this.#written.add(path)
  }

  /** The process has ended, and with it what lay in memory. */
  dropScratch(): void {
    const scratch = this.#mounts.filter(({ kind }) => kind === 'scratch')
    for (const path of this.#entries.keys()) {
      if (scratch.some(({ target }) => isWithin(path, target))) this.#entries.delete(path)
    }
  }

  /** What was written to the root file system, without what is mounted over it. */
  usage(): DiskUsage {
    const isMounted = (path: string): boolean => this.#mounts.some(({ target }) => isWithin(path, target))
    const written = [...this.#entries].filter(([path]) => this.#written.has(path) && !isMounted(path))
    return { bytes: written.reduce((sum, [, entry]) => sum + sizeOf(entry), 0), inodes: written.length }
  }

  /** Names in the archive begin with the last part of `path`. @throws not_found */
  async *archive(path: string): AsyncGenerator<Buffer> {
    const root = posix.join('/', path).replace(/(?<=.)\/$/, '')
    const found = [...this.#entries].filter(([name]) => isWithin(name, root))
    if (found.length === 0) throw new ErrandError('not_found', `there is no ${path}`)
    const base = root === '/' ? '.' : posix.basename(root)
    const rest = (name: string): string => (root === '/' ? name : name.slice(root.length))
    const entries = found.map(([name, entry]): [string, Entry] => [base + rest(name), entry])
    if (!this.#entries.has(root)) entries.unshift([base, { kind: 'folder' }])
    yield* pour(entries)
  }
}

async function* pour(entries: readonly [string, Entry][]): AsyncGenerator<Buffer> {
  const archive = pack()
  const filling = fill(archive, entries).catch((error: unknown) => archive.destroy(ErrandError.from(error)))
  try {
    for await (const chunk of archive) yield chunk as Buffer
  } finally {
    archive.destroy()
    await filling
  }
}

async function fill(archive: Pack, entries: readonly [string, Entry][]): Promise<void> {
  for (const [name, entry] of entries) await add(archive, name, entry)
  archive.finalize()
}

/** Resolves once the archive has taken it. */
async function add(archive: Pack, name: string, entry: Entry): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const sink = archive.entry(headerOf(name, entry), (error) => (error ? reject(error) : resolve()))
  const pouring = (async () => {
    for (const piece of contentOf(entry)) if (!sink.write(piece)) await drained(sink)
    sink.end(null)
  })()
  await Promise.all([promise, pouring])
}

function headerOf(name: string, entry: Entry): Partial<Header> & Pick<Header, 'name'> {
  const mode = 'mode' in entry && entry.mode !== undefined ? { mode: entry.mode } : {}
  const linkname = 'target' in entry ? { linkname: entry.target } : {}
  return { name, type: TAR_TYPES[entry.kind], size: sizeOf(entry), mtime: new Date(0), ...mode, ...linkname }
}

/** Resolves when there is room again, or nobody wants more. */
async function drained(sink: ReturnType<Pack['entry']>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => resolve()
  sink.on('drain', done).on('close', done)
  await promise
  sink.off('drain', done).off('close', done)
}

function* contentOf(entry: Entry): Generator<Buffer> {
  if (entry.kind === 'file') yield Buffer.from(entry.content)
  if (entry.kind !== 'zeros') return
  for (let left = entry.bytes; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, Math.min(left, ZEROS.length))
}

function toEntry(file: FakeFile): Entry {
  return typeof file === 'string' ? { kind: 'file', content: file } : file
}

function sizeOf(entry: Entry): number {
  if (entry.kind === 'file') return Buffer.byteLength(entry.content)
  return entry.kind === 'zeros' ? entry.bytes : 0
}
