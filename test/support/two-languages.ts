import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { lock, run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'

const CACHE = join(import.meta.dirname, '../../.cache')
const BUILD_MS = 300_000

/**
 * An image with Python and a shell, whose entrypoint prints its arguments, its user and its process id. Made of the samples'
 * base images when it is missing, and kept for the next run.
 */
export async function ensureTwoLanguages(): Promise<string> {
  const [python, shell] = await Promise.all([ensureImage('python'), ensureImage('busybox')])
  const [pythonId, shellId] = await Promise.all([python, shell].map(idOf))
  const dockerfile = [
    `FROM ${python}`,
    `COPY --from=${shell} /bin/busybox /bin/sh`,
    `ENTRYPOINT ["/bin/sh", "-c", "printf '%s|' \\"$@\\" && id -u && echo $$", "job"]`,
    'CMD ["an image\'s", "$arguments"]',
  ].join('\n')
  const tag = createHash('sha256').update(`${pythonId} ${shellId} ${dockerfile}`).digest('hex').slice(0, 16)
  const image = `errand-test/two-languages:${tag}`
  // Test files run side by side: only the first of them builds.
  await using _held = await lock(join(CACHE, 'two-languages.lock'))
  if ((await run('docker', ['image', 'ls', '--quiet', image])) === '') await build(image, dockerfile)
  return image
}

function idOf(image: string): Promise<string> {
  return run('docker', ['image', 'inspect', '--format', '{{.Id}}', image])
}

function build(image: string, dockerfile: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const builder = execFile('docker', ['build', '--quiet', '--tag', image, '-'], { timeout: BUILD_MS }, (error) =>
      error === null ? resolve() : reject(error),
    )
    builder.stdin?.end(dockerfile)
  })
}
