import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { lock, run } from '../../examples/tasks/offline/command.ts'
import { exists } from './exists.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const CACHE = join(ROOT, '.cache')
/** All that the package is made from. */
const SOURCES = ['src', 'bin', 'deploy', 'docs', 'README.md', 'LICENSE', 'CHANGELOG.md', 'package.json']
const BUILD_FILES = ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json']

/** What `npm pack` says of the tarball. */
interface Packing {
  readonly filename: string
  /** Bytes, compressed. */
  readonly size: number
  /** Bytes, on the disk. */
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string; readonly size: number; readonly mode: number }[]
}

/** The package as users have it: packed, and installed with nothing but its dependencies into a folder of its own. */
export interface PackedPackage {
  /** Where `npx errand` and imports of `errand/...` work. Outside of the checkout, so that nothing is found in that. */
  readonly folder: string
  /** The installed package itself. */
  readonly root: string
  /** The command, as npm links it. */
  readonly bin: string
  readonly packing: Packing
}

/**
 * Packs this checkout with `npm pack` and installs the tarball with `npm install --omit=dev`, unless that has been done with
 * the same sources. Any number of processes may call it at once. The folder stays until the sources change: do not write
 * to it. What npm has in its cache is not asked for again.
 */
export async function packedPackage(): Promise<PackedPackage> {
  const home = join(tmpdir(), `errand-packed-${digest(ROOT)}`)
  const place = join(home, await contentHash())
  if (!(await exists(place))) await makeOnce(home, place)
  const packing: Packing = JSON.parse(await readFile(join(place, 'packing.json'), 'utf8'))
  const folder = join(place, 'install')
  const modules = join(folder, 'node_modules')
  return { folder, root: join(modules, 'errand'), bin: join(modules, '.bin/errand'), packing }
}

async function makeOnce(home: string, place: string): Promise<void> {
  await mkdir(CACHE, { recursive: true })
  await using _held = await lock(join(CACHE, 'packed.lock'))
  if (await exists(place)) return // another process was quicker
  await rm(home, { recursive: true, force: true })
  const draft = `${place}.draft`
  await mkdir(draft, { recursive: true })
  await install(draft, await pack(draft))
  await rename(draft, place)
}

/** In a copy: packing builds, and others may be building in the checkout. */
async function pack(draft: string): Promise<string> {
  const stage = join(draft, 'stage')
  for (const path of [...SOURCES, ...BUILD_FILES]) await cp(join(ROOT, path), join(stage, path), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(stage, 'node_modules'))
  const printed = await npm(stage, 'pack', '--json', '--silent', '--pack-destination', draft)
  const [packing]: Packing[] = JSON.parse(printed)
  if (packing === undefined) throw new Error(`npm pack made nothing: ${printed}`)
  await writeFile(join(draft, 'packing.json'), JSON.stringify(packing))
  await rm(stage, { recursive: true })
  return packing.filename
}

async function install(draft: string, tarball: string): Promise<void> {
  const folder = join(draft, 'install')
  await mkdir(folder)
  // Without one, npm installs into the next folder upwards that has one.
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  await npm(folder, 'install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', `../${tarball}`)
}

/** On the Node.js that runs this, whatever the machine has. */
async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const path = [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter)
  return run('env', [`PATH=${path}`, 'npm', ...args], { cwd })
}

async function contentHash(): Promise<string> {
  const files = await Promise.all([...SOURCES, ...BUILD_FILES].map(filesOf))
  const contents = await Promise.all(
    files.flat().map(async (path) => `${path} ${digest(await readFile(join(ROOT, path)))}`),
  )
  return digest(contents.sort().join('\n'))
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(join(ROOT, path))).isDirectory()) return [path]
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(ROOT.length))
}

function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16)
}
