import { chmod, constants, copyFile, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ErrandError } from '../core/errors.ts'
import type { SandboxMount } from '../engine/sandbox-spec.ts'
import { isWithin } from '../util/is-within.ts'
import { storageCodeOf } from '../util/storage-code.ts'
import { checkPath, HostPaths, refuseField } from './host-paths.ts'
import type { OpenPath } from './open-path.ts'

/** What every sandbox has of its own. */
const SYSTEM_TARGETS = ['/proc', '/sys', '/dev', '/errand', '/run/errand']
const ENGINE_TARGETS = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf']

/** An input whose place on this host is known. */
export interface GivenInput {
  /** Default: a path that its caller named. */
  readonly type?: 'bind' | 'preset' | 'upload'
  /** Of an upload: a path in a folder of ours that nobody else can reach. */
  readonly source: string
  readonly target: string
  /** Default: true. */
  readonly readOnly?: boolean
}

/** Disposing lets go of what is held: after the sandbox has started, when its mounts are its own. */
export interface HeldInputs extends Disposable {
  readonly mounts: readonly SandboxMount[]
}

/**
 * Checks inputs as they are now. `reserved` are folders of this host that are ours or an engine's: neither they, nor what
 * is in them, nor what they are in can be an input. `root` is where their paths begin, by default this process's `/`.
 * @throws validation_failed with the field in `details`
 */
export async function checkInputs(
  inputs: readonly GivenInput[],
  reserved: readonly string[],
  root?: string,
): Promise<void> {
  checkTargets(inputs)
  using _checked = await openSources(inputs, await HostPaths.load(reserved, root), async () => {})
}

/**
 * The mounts that give a sandbox its inputs. They lead to the very folders that were checked here, whatever becomes of
 * their paths. No engine can mount a single file so: files are copied into `copies`, a folder of the caller's, which is
 * made when needed; the copies are readable by all users of the sandbox.
 * @throws validation_failed with the field in `details`; storage_full or storage_error when a file cannot be copied
 */
export async function holdInputs(
  inputs: readonly GivenInput[],
  reserved: readonly string[],
  copies: string,
  root?: string,
): Promise<HeldInputs> {
  checkTargets(inputs)
  const paths = await HostPaths.load(reserved, root)
  const mounts: SandboxMount[] = []
  const stack = await openSources(inputs, paths, async (held, { source: path, target, readOnly = true }, index) => {
    const isLeft = held === undefined || held.isFolder
    const source = isLeft ? (held?.sharedPath ?? path) : await copy(held, copies, String(index))
    mounts.push({ kind: 'bind', source, target, isReadOnly: readOnly })
  })
  return { mounts, [Symbol.dispose]: () => stack.dispose() }
}

/** All sources, held; none of them when one is refused. Uploads need not be: nobody else can reach them. */
async function openSources(
  inputs: readonly GivenInput[],
  paths: HostPaths,
  onOpen: (held: OpenPath | undefined, input: GivenInput, index: number) => Promise<void>,
): Promise<DisposableStack> {
  using stack = new DisposableStack()
  for (const [index, input] of inputs.entries()) {
    const { type = 'bind', source, readOnly = true } = input
    const field = `inputs.${index}.${type === 'bind' ? 'source' : type}`
    const held = type === 'upload' ? undefined : stack.use(await paths.open(source, !readOnly, field))
    if (held?.isFile === true && !readOnly) refuseField(field, 'is a file, which can only be read: mount its folder')
    await onOpen(held, input, index)
  }
  return stack.move()
}

function checkTargets(inputs: readonly GivenInput[]): void {
  for (const [index, { target }] of inputs.entries()) {
    const field = `inputs.${index}.target`
    checkPath(target, field)
    const isTaken = (path: string): boolean => isWithin(target, path) || isWithin(path, target)
    const system = [...SYSTEM_TARGETS, ...ENGINE_TARGETS].find(isTaken)
    if (system !== undefined) refuseField(field, `must have nothing to do with ${system}`)
    // An engine makes the inner folder in the outer one where it is missing, which is on the host.
    const other = inputs.findIndex((input, at) => at !== index && isWithin(target, input.target))
    if (other !== -1) refuseField(field, `is the target of inputs.${other}, or lies in it`)
  }
}

async function copy(file: OpenPath, folder: string, name: string): Promise<string> {
  const path = join(folder, name)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    // On file systems that can, the copy shares the blocks of the original.
    await copyFile(file.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    // It is ours now: it must not keep what let it run as its owner, and users of the sandbox must be able to read it.
    const isProgram = ((await stat(path)).mode & 0o111) !== 0
    await chmod(path, isProgram ? 0o555 : 0o444)
    return path
  } catch (error) {
    throw new ErrandError(storageCodeOf(error), `an input could not be copied: ${String(error)}`, { cause: error })
  }
}
