import { lstat, mkdir, rename, rmdir } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ErrandError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import type { Engine, SandboxRef } from '../engine/engine.ts'
import { Allowance } from './allowance.ts'
import { isPlainName } from './clean-path.ts'
import { unpackTar } from './guarded-tar.ts'
import { checkPath, HostPaths, refuseField } from './host-paths.ts'
import { OpenPath, openPath, systemCode } from './open-path.ts'
import { removeTree } from './remove-tree.ts'
import { TreeWriter, toStorageError } from './tree-writer.ts'

/** What is to be brought in: a path inside the sandbox, and its name in the results folder. */
export interface Output {
  readonly path: string
  readonly name: string
}

export interface OutputLimits {
  /** All outputs together, links and the like included. */
  readonly bytes: number
  /** Files and folders. */
  readonly files: number
}

interface Collected extends Output {
  /** Below the results folder. */
  readonly file: string
  readonly bytes: number
  readonly files: number
  readonly skipped: number
}

export interface Collection {
  readonly outputs: readonly Collected[]
  /** One sentence each. */
  readonly warnings: readonly string[]
  /** Not everything was brought in; `outputs` has what was. */
  readonly isOverLimit: boolean
}

export interface CollectionSource {
  readonly engine: Pick<Engine, 'collect'>
  readonly ref: SandboxRef
  /** The results folder. */
  readonly folder: string
}

/** @throws validation_failed for paths and names that cannot be, and for two outputs of one name; see `reserved` */
export function checkOutputs(outputs: readonly Output[], reserved: readonly string[]): void {
  const taken = new Set(reserved)
  for (const [index, { path, name }] of outputs.entries()) {
    checkPath(path, `outputs.${index}.path`)
    const field = `outputs.${index}.name`
    if (!isPlainName(name) || name.startsWith('.'))
      refuseField(field, 'must be a name without `/`, not one that begins with a dot')
    if (taken.has(name)) refuseField(field, 'is taken')
    taken.add(name)
  }
}

/**
 * Takes a folder that a caller named for its results, or makes it, for us alone to open. It may be nowhere where an input
 * could not be writable: see `HostPaths`. Whoever else can write to it cannot lead us out of it.
 * @throws validation_failed; storage_full; storage_error
 */
export async function takeResultsFolder(path: string, reserved: readonly string[]): Promise<void> {
  const field = 'resultsDir'
  const paths = await HostPaths.load(reserved)
  paths.assertNameable(path, true, field)
  const isNew = await makeIn(dirname(path), basename(path), field)
  try {
    using folder = await paths.open(path, true, field)
    if (!folder.isFolder) refuseField(field, 'is no folder')
  } catch (error) {
    if (isNew) await rmdir(path).catch(() => {})
    throw error
  }
}

/** False when something of that name is there. */
async function makeIn(parent: string, name: string, field: string): Promise<boolean> {
  const opening = openPath(parent).catch((error: unknown) => refuseField(field, `cannot be made: ${systemCode(error)}`))
  using folder = await opening
  if (!folder.isFolder) refuseField(field, 'lies in no folder')
  try {
    await mkdir(`${folder.path}/${name}`, 0o700)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw toStorageError(error)
  }
}

/**
 * Brings outputs of a sandbox into a results folder, each under its name: plain files and folders, owned by us, whatever
 * else was there is left out and counted. An output that is missing or cannot be read whole is a warning. Ends at the first
 * file that is too much. An abort leaves nothing of the output that is under way.
 * @throws unsupported; engine_unavailable; storage_full; storage_error; the signal's reason
 */
export async function collectOutputs(
  source: CollectionSource,
  outputs: readonly Output[],
  limits: OutputLimits,
  signal: AbortSignal,
): Promise<Collection> {
  using folder = await openPath(source.folder).catch((error: unknown) => Promise.reject(toStorageError(error)))
  const allowance = new Allowance(limits)
  const collected: Collected[] = []
  const warnings: string[] = []
  for (const output of outputs) {
    const fetched = await fetchOutput(source, folder, output, allowance, signal)
    if (fetched.collected !== undefined) collected.push(fetched.collected)
    if (fetched.warning !== undefined) warnings.push(`output ${JSON.stringify(output.name)} ${fetched.warning}`)
    if (fetched.isOverLimit) return { outputs: collected, warnings, isOverLimit: true }
  }
  return { outputs: collected, warnings, isOverLimit: false }
}

interface Fetched {
  readonly collected?: Collected
  readonly warning?: string
  readonly isOverLimit: boolean
}

/** Into a folder of its own first, so that what is not whole is never seen under the output's name. */
async function fetchOutput(
  { engine, ref }: CollectionSource,
  folder: OpenPath,
  output: Output,
  allowance: Allowance,
  signal: AbortSignal,
): Promise<Fetched> {
  const draft = `${folder.path}/.draft-${randomId()}`
  await mkdir(draft, 0o700).catch(refuseToWrite)
  try {
    using held = await OpenPath.open(draft, true)
    const writer = new TreeWriter(held, allowance)
    const tar = engine.collect(ref, output.path, signal)
    const options = { onForbidden: 'skip', topName: output.name } as const
    const { skipped, isOverLimit } = await unpackTar(tar, writer, options, signal)
    const { bytes, files } = writer
    if (files === 0) return { warning: isOverLimit ? 'is too much' : 'is neither file nor folder', isOverLimit }
    const isMoved = await moveIn(`${held.path}/${output.name}`, `${folder.path}/${output.name}`)
    if (!isMoved) return { warning: 'is there already', isOverLimit }
    const collected = { ...output, file: output.name, bytes, files, skipped }
    return { collected, ...(isOverLimit && { warning: 'is not whole: it is too much' }), isOverLimit }
  } catch (error) {
    const warning = warningOf(error)
    if (warning === undefined || signal.aborted) throw error
    return { warning, isOverLimit: false }
  } finally {
    await removeTree(draft).catch(() => {})
  }
}

/** False when something of that name is there: results are never overwritten. */
async function moveIn(from: string, to: string): Promise<boolean> {
  const isTaken = await lstat(to).then(
    () => true,
    () => false,
  )
  if (!isTaken) await rename(from, to).catch(refuseToWrite)
  return !isTaken
}

function warningOf(error: unknown): string | undefined {
  if (!(error instanceof ErrandError)) return undefined
  if (error.code === 'not_found') return 'is not there'
  return error.code === 'validation_failed' ? `could not be read: ${error.message}` : undefined
}

function refuseToWrite(error: unknown): never {
  throw toStorageError(error)
}
