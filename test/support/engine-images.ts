import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type ConformanceImages, FILE, FOLDER, PRINTED, SERVED } from '../../src/engine/conformance.ts'
import { debianProgram } from './debian-program.ts'

const run = promisify(execFile)

const CACHE = resolve(import.meta.dirname, '../../.cache')
const BUSYBOX = '/bin/busybox'
const NODE = '/bin/node'

/** Serves on both transports; `ready` comes when all that it was asked for listens. */
const SERVER = `
const http = require('node:http')
const answer = (request, response) => response.end(${JSON.stringify(SERVED)})
const places = [8080, process.env.ERRAND_SOCKET].filter(Boolean)
let listening = 0
for (const place of places) http.createServer(answer).listen(place, () => {
  listening += 1
  if (listening === places.length) console.log('ready')
})
`

/** One image to be made from files of this machine, without a registry. */
interface ImageRecipe {
  readonly name: string
  /** Programs of this host that go in at the same path as they are asked for, with the libraries they need. */
  readonly programs: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, Buffer | string>>
  readonly command: readonly string[]
}

/** Ids of the images of the conformance suite; made when missing, kept for the next run. */
export async function engineImages(): Promise<ConformanceImages> {
  await mkdir(CACHE, { recursive: true })
  const shell = { [BUSYBOX]: await debianProgram('busybox-static', BUSYBOX) }
  const script = (text: string): string[] => [BUSYBOX, 'sh', '-c', text]
  const printed = { '/stdout': PRINTED.stdout, '/stderr': PRINTED.stderr }
  const print = script(`${BUSYBOX} cat /stdout; ${BUSYBOX} cat /stderr >&2; exit ${PRINTED.exitCode}`)
  const [prints, waits, serves, lacksCommand] = await Promise.all([
    ensureImage({
      name: 'prints',
      programs: shell,
      files: printed,
      command: print,
    }),
    ensureImage({
      name: 'waits',
      programs: shell,
      files: { ...printed, [`${FOLDER}/${FILE}`]: PRINTED.stdout },
      command: script(`echo ready; exec ${BUSYBOX} sleep 1000000`),
    }),
    ensureImage({ name: 'serves', programs: { [NODE]: process.execPath }, files: {}, command: [NODE, '-e', SERVER] }),
    ensureImage({ name: 'lacks-command', programs: shell, files: {}, command: ['/no/such/command'] }),
  ])
  const commands = {
    prints: print,
    tells: script('echo "$ANSWER"; pwd'),
    waits: script(`echo ready; exec ${BUSYBOX} sleep 1000000`),
  }
  return { prints, waits, serves, lacksCommand, commands }
}

/** The image of a recipe, under a tag that changes with it. */
async function ensureImage(recipe: ImageRecipe): Promise<string> {
  const image = `errand-test/${recipe.name}:${await fingerprint(recipe)}`
  const found = await imageId(image)
  if (found !== undefined) return found
  const root = await mkdtemp(join(CACHE, `${recipe.name}-`))
  try {
    await fill(root, recipe)
    const change = `CMD ${JSON.stringify(recipe.command)}`
    // Test files run side by side: under the lock only the first of them imports.
    const command = `docker image inspect "$1" >/dev/null 2>&1 || tar -C "$2" -c . | docker import --change "$3" - "$1"`
    await run('flock', [join(CACHE, 'engine-images.lock'), 'sh', '-c', command, 'sh', image, root, change])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  const made = await imageId(image)
  if (made === undefined) throw new Error(`could not make the image ${image}`)
  return made
}

async function imageId(image: string): Promise<string | undefined> {
  return run('docker', ['image', 'inspect', '--format', '{{.Id}}', image]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  )
}

async function fingerprint({ programs, files, command }: ImageRecipe): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(command))
  for (const [path, source] of Object.entries(programs)) {
    const { size, mtimeMs } = await stat(source)
    hash.update(`\n${path} ${source} ${size} ${mtimeMs}`)
  }
  for (const [path, content] of Object.entries(files)) hash.update(`\n${path} `).update(content)
  return hash.digest('hex').slice(0, 16)
}

async function fill(root: string, { programs, files }: ImageRecipe): Promise<void> {
  await mkdir(join(root, 'tmp'), { mode: 0o1777 })
  for (const [path, source] of Object.entries(programs)) {
    await place(source, join(root, path))
    for (const library of await librariesOf(source)) await place(library, join(root, library))
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

async function place(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  await copyFile(source, target)
}

/** Shared libraries and the loader, as absolute paths; none for a static program, which `ldd` refuses. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]).catch(() => ({ stdout: '' }))
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? [])
}
