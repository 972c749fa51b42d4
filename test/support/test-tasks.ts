import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lock, run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'

const FOLDER = join(import.meta.dirname, 'tasks')
const CACHE = join(import.meta.dirname, '../../.cache')

/** Tasks that only tests need: one script each, beside this file, on the base image of the samples. */
type TestTask = 'attack' | 'sgx' | 'talk' | 'flood' | 'puppet'

/** What `talk` can be told to do. */
export type Order =
  | { readonly order: 'describe' }
  | { readonly order: 'status'; readonly status: number; readonly body: string }
  | { readonly order: 'bytes'; readonly count: number }
  | { readonly order: 'read'; readonly path: string }
  | { readonly order: 'sleep'; readonly ms: number }
  | { readonly order: 'hang' }
  | { readonly order: 'printAndExit'; readonly line: string; readonly times: number; readonly code: number }

export function say(order: Order): string {
  return JSON.stringify(order)
}

/**
 * The image of a test task, made when it is missing and kept for the next run. `instructions` are further lines of its
 * Dockerfile.
 */
export async function ensureTask(name: TestTask, instructions: readonly string[] = []): Promise<string> {
  const base = await ensureImage('node')
  const file = `${name}.mjs`
  const baseId = await run('docker', ['image', 'inspect', '--format', '{{.Id}}', base])
  const source = await readFile(join(FOLDER, file))
  const recipe = [`${baseId} ${file}`, ...instructions, ''].join('\n')
  const tag = createHash('sha256').update(recipe).update(source).digest('hex').slice(0, 16)
  const image = `errand-test/${name}:${tag}`
  if (await exists(image)) return image
  await mkdir(CACHE, { recursive: true })
  // Test files run side by side: only the first of them builds.
  await using _held = await lock(join(CACHE, 'test-tasks.lock'))
  const dockerfile = [`FROM ${base}`, `COPY ${file} /`, `CMD ["node", "/${file}"]`, ...instructions]
  if (!(await exists(image))) await build(image, dockerfile)
  return image
}

async function exists(image: string): Promise<boolean> {
  return (await run('docker', ['image', 'ls', '--quiet', '--filter', `reference=${image}`])) !== ''
}

function build(image: string, dockerfile: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const args = ['build', '--quiet', '--tag', image, '--file', '-', FOLDER]
    const builder = execFile('docker', args, { timeout: 300_000 }, (error) =>
      error === null ? resolve() : reject(error),
    )
    builder.stdin?.end(dockerfile.join('\n'))
  })
}
