import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lock, pipe, run } from './command.ts'
import { BASES, type BaseName } from './root-file-systems.ts'

const TASKS = join(import.meta.dirname, '..')
const CACHE = join(TASKS, '../../.cache')
/** Holds the hash of all that an image was made from. */
const LABEL = 'dev.errand.sample'

/** A task below examples/tasks. Two are one folder, built differently. */
type TaskName =
  | 'crash'
  | 'crash-on-request'
  | 'echo-socket'
  | 'hello-node'
  | 'hello-python'
  | 'never-ready'
  | 'slow'
  | 'static-nginx'

/** A sample task, or one of the base images that they stand on. */
export type SampleName = TaskName | BaseName

interface Sample {
  readonly base: BaseName
  readonly folder: string
  readonly buildArgs?: readonly string[]
}

const SAMPLES: Record<TaskName, Sample> = {
  crash: { base: 'node', folder: 'crash' },
  'crash-on-request': { base: 'node', folder: 'crash', buildArgs: ['CRASH=on-request'] },
  'echo-socket': { base: 'node', folder: 'echo-socket' },
  'hello-node': { base: 'node', folder: 'hello-node' },
  'hello-python': { base: 'python', folder: 'hello-python' },
  'never-ready': { base: 'node', folder: 'never-ready' },
  slow: { base: 'node', folder: 'slow' },
  'static-nginx': { base: 'nginx', folder: 'static-nginx' },
}

/**
 * Makes a sample's image from files of this machine and of Debian, without a registry, unless it is there and made from the
 * same files. Any number of processes may call it at once. The images stay: the next call takes milliseconds.
 */
export async function ensureImage(name: SampleName): Promise<string> {
  const hash = await contentHash(name)
  if ((await imageIds(name, hash)).length > 0) return reference(name)
  await mkdir(CACHE, { recursive: true })
  await using _held = await lock(join(CACHE, 'samples.lock'))
  await build(name)
  return reference(name)
}

function reference(name: SampleName): string {
  return `errand-sample/${name}:latest`
}

/** Under the lock: what another process has built meanwhile is taken as it is. */
async function build(name: SampleName): Promise<void> {
  const hash = await contentHash(name)
  const [current] = await imageIds(name, hash)
  if (current !== undefined) return
  const outdated = await imageIds(name)
  if (isBase(name)) await importBase(name, hash)
  else await buildSample(name, hash)
  for (const id of outdated) await removeIfUnused(id)
}

async function importBase(name: BaseName, hash: string): Promise<void> {
  const root = join(CACHE, 'roots', name)
  await rm(root, { recursive: true, force: true })
  await mkdir(root, { recursive: true })
  await BASES[name](root, join(CACHE, 'debian'))
  await pipe(
    ['tar', '--numeric-owner', '--owner=0', '--group=0', '-C', root, '-c', '.'],
    ['docker', 'import', '--change', `LABEL ${LABEL}=${hash}`, '-', reference(name)],
  )
  await rm(root, { recursive: true })
}

async function buildSample(name: TaskName, hash: string): Promise<void> {
  const { base, folder, buildArgs = [] } = SAMPLES[name]
  await build(base)
  const args = [`BASE=${reference(base)}`, ...buildArgs].flatMap((argument) => ['--build-arg', argument])
  const label = `${LABEL}=${hash}`
  await run('docker', ['build', '--quiet', ...args, '--label', label, '--tag', reference(name), join(TASKS, folder)])
}

/** Ids of the image that has the sample's name: one or none. */
async function imageIds(name: SampleName, hash?: string): Promise<string[]> {
  const label = hash === undefined ? [] : ['--filter', `label=${LABEL}=${hash}`]
  const filters = ['--filter', `reference=${reference(name)}`, ...label]
  const ids = await run('docker', ['image', 'ls', '--quiet', '--no-trunc', ...filters])
  return ids.split('\n').filter((id) => id !== '')
}

async function removeIfUnused(id: string): Promise<void> {
  // Refused while a container or a later image stands on it; Docker then drops it with the last of those.
  await run('docker', ['image', 'rm', id]).catch(() => undefined)
}

/** Changes with the sample's files, with the way they are built, and with the Node.js that goes in. */
async function contentHash(name: SampleName): Promise<string> {
  const hash = createHash('sha256').update(`${name} ${process.version} ${process.arch}`)
  const folders = [import.meta.dirname, ...(isBase(name) ? [] : [join(TASKS, SAMPLES[name].folder)])]
  for (const folder of folders) {
    for (const file of (await readdir(folder)).sort()) hash.update(file).update(await readFile(join(folder, file)))
  }
  return hash.digest('hex').slice(0, 16)
}

function isBase(name: SampleName): name is BaseName {
  return name in BASES
}
