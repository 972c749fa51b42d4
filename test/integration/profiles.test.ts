import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ErrandError } from '../../src/core/errors.ts'
import { PRESETS, type Preset } from '../../src/core/presets.ts'
import { MIB } from '../../src/core/resources.ts'
import { ConformanceBench, joinOutput } from '../../src/engine/conformance-bench.ts'
import type { OutputChunk, SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'
import { PROFILE_ROWS, type ProfileRow } from '../support/profile-rows.ts'
import { ensureService } from '../support/service-images.ts'

const STANDARD: Preset = { profile: 'standard', scratch: [] }
const STRICT: Preset = { scratch: [] }
/** Known to no image. */
const SOME_USER = 61_184
const DEADLINE_MS = 60_000

interface Outcome {
  readonly works: boolean
  readonly output: string
}

const engine = await openDocker()
after(() => engine[Symbol.asyncDispose]())
const images = await engineImages()

for (const row of PROFILE_ROWS) {
  test(`${row.title}: ${said(row)}`, { timeout: 2 * DEADLINE_MS }, async () => {
    const granted = row.preset === undefined ? [] : [PRESETS[row.preset]]
    const [standard, strict, mended] = await all([STANDARD, STRICT, ...granted].map((preset) => tried(row, preset)))
    expect(standard, row.standard)
    expect(strict, row.strict)
    if (mended !== undefined) expect(mended, undefined)
  })
}

test('postgres has to run as a user that its image knows, whatever it is granted', async () => {
  const image = () => ensureService('postgres')
  const server = { ready: 'pg_isready -q', uses: 'true' }
  const outcome = await tried({ title: '', image, server }, PRESETS.postgres)
  expect(outcome, /could not look up effective user ID/)
})

test('the guide has these rows and these presets, and no others', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guide/profiles.md'), 'utf8')
  const sectionOf = (heading: string) => guide.split(/^## .*$/m).find((section) => section.includes(heading)) ?? ''
  const tried = sectionOf('| image and what it does |')
  const granted = sectionOf('| preset | grants beyond `strict` |')
  const rows = PROFILE_ROWS.map(({ title, preset }) => [title, preset ?? ''])
  assert.deepEqual(
    tableOf(tried).map((cells) => [cells[0], (cells.at(-1) ?? '').replaceAll('`', '')]),
    rows,
  )
  assert.deepEqual(
    tableOf(granted).map(([name]) => name?.replaceAll('`', '')),
    Object.keys(PRESETS),
  )
})

/** The rows below its head. */
function tableOf(markdown: string): string[][] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'))
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(' |')
      .map((cell) => cell.trim()),
  )
}

/** Also when one fails: the others still have sandboxes to remove. */
async function all<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work)
  return Promise.all(work)
}

function said({ standard, strict, preset }: ProfileRow): string {
  const where = [
    ...(standard ? [] : ['standard']),
    ...(strict ? [] : ['strict']),
    ...(preset ? [`the preset ${preset}`] : []),
  ]
  return `works under ${where.join(' and ')}`
}

function expect(outcome: Outcome | undefined, failure: RegExp | undefined): void {
  assert.equal(outcome?.works, failure === undefined, outcome?.output)
  if (failure !== undefined) assert.match(outcome?.output ?? '', failure)
}

/** Runs it with nothing but what the profile and the preset give. */
async function tried(row: ProfileRow, preset: Preset): Promise<Outcome> {
  await using bench = new ConformanceBench(engine, images)
  const spec = await specOf(row, preset)
  const output: OutputChunk[] = []
  const ref = await engine.create(spec, bench.identity(), bench.signal)
  try {
    using _attachment = await engine.attach(ref, (chunk) => void output.push(chunk), bench.signal)
    await engine.start(ref, bench.signal)
    const works = await (row.server === undefined
      ? endsWell(bench, ref, output)
      : answers(bench, ref, row.server, output))
    return { works, output: text(output) }
  } finally {
    await engine.remove(ref, bench.signal)
  }
}

async function specOf(row: ProfileRow, preset: Preset): Promise<SandboxSpec> {
  const { scratch, shmBytes, pidsLimit } = preset
  const profile = preset.profile ?? 'strict'
  const { defaultRuntime } = await engine.probe(AbortSignal.timeout(DEADLINE_MS))
  const [imageId = ''] = await docker('image', 'inspect', '--format', '{{.Id}}', await row.image())
  const user = `${row.user ?? SOME_USER}:${row.user ?? SOME_USER}`
  return {
    imageId,
    resources: { cpuMillis: 1000, memoryBytes: 512 * MIB, gpus: 0 },
    runtime: defaultRuntime,
    profile,
    process: { ...row.process, ...(profile === 'strict' ? { user } : {}) },
    network: 'none',
    hasSocket: false,
    mounts: scratch.map((folder) => ({ kind: 'scratch', owner: user, ...folder })),
    ...(shmBytes === undefined ? {} : { shmBytes }),
    ...(pidsLimit === undefined ? {} : { pidsLimit }),
  }
}

async function endsWell(bench: ConformanceBench, ref: SandboxRef, output: OutputChunk[]): Promise<boolean> {
  const { exit } = await bench.untilExited(ref)
  output.push({ stream: 'stderr', data: Buffer.from(`exited with ${exit?.exitCode}`) })
  return exit?.exitCode === 0
}

/** A server that dies takes the command with it, or leaves nothing to run it in. */
async function answers(
  bench: ConformanceBench,
  ref: SandboxRef,
  { ready, uses }: NonNullable<ProfileRow['server']>,
  output: OutputChunk[],
): Promise<boolean> {
  const script = `until ${ready}; do sleep 0.1; done && ${uses}`
  const argv = ['/bin/busybox', 'timeout', '30', 'sh', '-c', `${script}`]
  try {
    return (await engine.exec(ref, { argv }, (chunk) => void output.push(chunk), bench.signal)).exitCode === 0
  } catch (error) {
    if (ErrandError.from(error).code === 'task_gone') return false
    throw error
  }
}

function text(output: readonly OutputChunk[]): string {
  return Buffer.concat([joinOutput(output, 'stdout'), joinOutput(output, 'stderr')]).toString()
}
