import { chmod, copyFile, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { run } from './command.ts'
import { unpackPackages } from './debian-packages.ts'

/** Fills a folder with all that a base image holds. `cache` keeps what had to be downloaded. */
type Fill = (root: string, cache: string) => Promise<void>

const BUSYBOX = ['busybox-static']
/** BusyBox is the shell that starts it. */
const NGINX = [...BUSYBOX, 'nginx', 'libc6', 'libcrypt1', 'libpcre2-8-0', 'libssl3', 'zlib1g']
const PYTHON = [
  'python3-minimal',
  'python3.11-minimal',
  'libpython3.11-minimal',
  'libpython3.11-stdlib',
  'libc6',
  'libexpat1',
  'zlib1g',
]

export type BaseName = 'busybox' | 'nginx' | 'node' | 'python'

/** The packages are those of Debian 12, on any of its architectures. */
export const BASES: Record<BaseName, Fill> = {
  busybox: withBasics(async (root, cache) => {
    await unpackPackages(BUSYBOX, root, cache)
    await linkApplets(root)
  }),
  nginx: withBasics(async (root, cache) => {
    await unpackPackages(NGINX, root, cache)
    await linkApplets(root)
  }),
  node: withBasics(fillNode),
  python: withBasics((root, cache) => unpackPackages(PYTHON, root, cache)),
}

/** What programs look for in any image. */
function withBasics(fill: Fill): Fill {
  return async (root, cache) => {
    await fill(root, cache)
    await mkdir(join(root, 'etc'), { recursive: true })
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n')
    await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n')
    await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n')
    await mkdir(join(root, 'tmp'), { recursive: true })
    await chmod(join(root, 'tmp'), 0o1777) // mkdir's mode would pass through the umask
  }
}

/** The Node.js that runs this, with the shared libraries and the loader that `ldd` names for it. */
async function fillNode(root: string): Promise<void> {
  await copyTo(join(root, 'usr/local/bin/node'), process.execPath)
  for (const [, library] of (await run('ldd', [process.execPath])).matchAll(/(\/\S+) \(0x/g)) {
    if (library !== undefined) await copyTo(join(root, library), library)
  }
}

/** Gives every program that BusyBox contains its own name. */
async function linkApplets(root: string): Promise<void> {
  const applets = await run(join(root, 'bin/busybox'), ['--list'])
  for (const applet of applets.split('\n')) {
    if (applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet))
  }
}

async function copyTo(target: string, source: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await copyFile(source, target)
}
