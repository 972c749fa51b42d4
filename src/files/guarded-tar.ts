import { type Extract, type ExtractEvents, extract, type Header } from 'tar-stream'
import { ErrandError } from '../core/errors.ts'
import { isPlainName } from './clean-path.ts'
import { TarFeed } from './tar-feed.ts'
import type { TreeWriter, Written } from './tree-writer.ts'

const MAX_NAME_BYTES = 4000
const MAX_DEPTH = 100
const OWNER_MAY_EXECUTE = 0o100

export interface UnpackOptions {
  /** Leave out and count what is no plain file or folder, or refuse the whole archive. */
  readonly onForbidden: 'skip' | 'refuse'
  /** Goes in the place of the first part of every name; archives of a single file or folder have one and the same. */
  readonly topName?: string
  /** The first parts that names may have; an archive with another is refused. Default: any. */
  readonly topNames?: ReadonlySet<string>
}

export interface Unpacked {
  /** Links, devices and other things that are no data, names that are no names, and what came twice. */
  readonly skipped: number
  /** A limit was reached: what came after it was not read. */
  readonly isOverLimit: boolean
}

type Entry = ExtractEvents['entry'][1]

/**
 * Writes the files and folders of a tar archive, and nothing else: no links, so that no name can lead out of the folder.
 * Owners, times and modes are not taken over, but whether a file can be executed. Compressed archives are none. Memory does
 * not grow with the archive. What was written before a failure stays, but never half a file.
 * @throws validation_failed for what is no whole tar archive, or holds what is refused; storage_full; storage_error; and
 * whatever `tar` rejects with
 */
export async function unpackTar(
  tar: AsyncIterable<Uint8Array>,
  writer: TreeWriter,
  options: UnpackOptions,
  signal: AbortSignal,
): Promise<Unpacked> {
  const parser = extract()
  await using feed = new TarFeed(tar, parser, signal)
  try {
    const unpacked = await writeEntries(parser, writer, options)
    if (feed.failure !== undefined && !unpacked.isOverLimit) throw feed.failure
    return unpacked
  } catch (error) {
    // The parser fails whenever its source does, which knows better why.
    if (feed.failure !== undefined) throw feed.failure
    if (error instanceof ErrandError) throw error
    throw new ErrandError('validation_failed', `this is no tar archive, or not all of it: ${String(error)}`)
  }
}

async function writeEntries(parser: Extract, writer: TreeWriter, options: UnpackOptions): Promise<Unpacked> {
  let skipped = 0
  for await (const entry of parser) {
    const written = await writeEntry(entry, writer, options)
    if (written === 'over_limit') return { skipped, isOverLimit: true }
    if (written === 'written') continue
    if (options.onForbidden === 'refuse') throw refusal(entry.header)
    skipped += 1
    entry.resume()
  }
  return { skipped, isOverLimit: false }
}

async function writeEntry(
  entry: Entry,
  writer: TreeWriter,
  { topName, topNames }: UnpackOptions,
): Promise<Written | 'forbidden'> {
  const { size, mode, type } = entry.header
  // The parser gives no size for one that is no number, and then waits for its end for ever.
  if (!Number.isSafeInteger(size)) throw new ErrandError('validation_failed', 'the archive holds a size that is none')
  const parts = isData(entry.header) ? partsOf(entry.header) : undefined
  if (parts === undefined) return writer.passOver(size) ? 'forbidden' : 'over_limit'
  if (topNames !== undefined && parts[0] !== undefined && !topNames.has(parts[0])) throw stray(parts[0], topNames)
  if (topName !== undefined) parts.splice(0, 1, topName)
  if (type !== 'directory') {
    const isExecutable = (mode & OWNER_MAY_EXECUTE) !== 0
    return writer.writeFile(parts, { bytes: size, isExecutable }, entry as AsyncIterable<Uint8Array>)
  }
  entry.resume()
  return writer.makeFolder(parts)
}

/** GNU tar puts a map of the holes where the content of a file would be. */
function isData({ type, pax }: Header): boolean {
  const isSparse = Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'))
  return (type === 'file' || type === 'directory') && !isSparse
}

/** None for the folder itself, which `tar -c .` puts first. */
function partsOf({ name, type }: Header): string[] | undefined {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return undefined
  const inner = name.startsWith('./') ? name.slice(2) : name
  const bare = type === 'directory' && inner.endsWith('/') ? inner.slice(0, -1) : inner
  const parts = bare === '' && name === './' ? [] : bare.split('/')
  return parts.length <= MAX_DEPTH && parts.every(isPlainName) ? parts : undefined
}

function refusal({ name, type }: Header): ErrandError {
  const what = `${JSON.stringify(name.slice(0, 200))} (${type ?? 'of an unknown kind'})`
  return new ErrandError('validation_failed', `the archive holds ${what}: only plain files and folders, each once`)
}

function stray(name: string, topNames: ReadonlySet<string>): ErrandError {
  const wanted = [...topNames].map((each) => JSON.stringify(each)).join(', ')
  const problem = `the archive holds ${JSON.stringify(name)} at its top, where only ${wanted} may be`
  return new ErrandError('validation_failed', problem.slice(0, 500))
}
