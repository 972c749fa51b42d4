import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { lock, run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { packedPackage } from './packed-package.ts'

const CACHE = resolve(import.meta.dirname, '../../.cache')
const REPOSITORY = 'errand-test/daemon'

/**
 * The daemon's own image, as users build it from the installed package, on a base that is made from files of this machine.
 * Made when it is missing and kept for the next run; its predecessors are removed.
 */
export async function ensureDaemonImage(): Promise<string> {
  const { folder, root } = await packedPackage()
  const [node, tools] = [await ensureImage('node'), await ensureImage('busybox')]
  const ids = await run('docker', ['image', 'inspect', '--format', '{{.Id}}', node, tools])
  const recipe = await readFile(join(root, 'deploy/Dockerfile'))
  const hash = createHash('sha256').update(`${folder} ${ids}`).update(recipe).digest('hex').slice(0, 16)
  const image = `${REPOSITORY}:${hash}`
  if (await exists(image)) return image
  await mkdir(CACHE, { recursive: true })
  await using _held = await lock(join(CACHE, 'daemon-image.lock'))
  if (await exists(image)) return image
  const old = await run('docker', ['image', 'ls', '--quiet', REPOSITORY])
  const base = `${REPOSITORY}-base:${hash}`
  await build(base, ['-'], `FROM ${tools} AS tools\nFROM ${node}\nCOPY --from=tools /bin /bin\n`)
  const args = ['--build-arg', `BASE=${base}`, '--build-arg', 'PACKAGES=']
  await build(image, [...args, '--file', join(root, 'deploy/Dockerfile'), folder])
  await run('docker', ['image', 'rm', base])
  // Refused while another checkout's container runs from it.
  for (const id of old.split('\n').filter((line) => line !== ''))
    await run('docker', ['image', 'rm', id]).catch(() => {})
  return image
}

async function exists(image: string): Promise<boolean> {
  return (await run('docker', ['image', 'ls', '--quiet', image])) !== ''
}

function build(image: string, args: readonly string[], input = ''): Promise<void> {
  return new Promise((done, reject) => {
    const options = { timeout: 300_000 }
    const builder = execFile('docker', ['build', '--quiet', '--tag', image, ...args], options, (error) =>
      error === null ? done() : reject(error),
    )
    builder.stdin?.end(input)
  })
}
