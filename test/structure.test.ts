import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { findViolations } from './structure/rules.ts'
import { readSource, type SourceFile } from './structure/source-file.ts'

const ROOT = join(import.meta.dirname, '..')

async function readSources(): Promise<SourceFile[]> {
  const files: SourceFile[] = []
  for await (const path of glob('src/**/*.ts', { cwd: ROOT })) {
    files.push(readSource(path, await readFile(join(ROOT, path), 'utf8')))
  }
  return files
}

/** The violations of a project that consists of these files alone. */
function violationsOf(files: Record<string, string>): string[] {
  return findViolations(Object.entries(files).map(([path, text]) => readSource(path, text)))
}

describe('structure of src', () => {
  it('keeps every rule', async (t) => {
    const files = await readSources()
    assert.ok(files.length > 0)
    t.diagnostic(describeSizes(files))
    assert.deepEqual(findViolations(files), [])
  })
})

function describeSizes(files: readonly SourceFile[]): string {
  const lines = files.map((file) => file.lines).sort((a, b) => a - b)
  const quantile = (share: number) => lines[Math.min(lines.length - 1, Math.floor(share * lines.length))]
  return `${lines.length} files; lines: median ${quantile(0.5)}, 95 % up to ${quantile(0.95)}, most ${quantile(1)}`
}

describe('structure rules', () => {
  it('accept imports that go down the layers', () => {
    const files = {
      'src/warm/pool.ts': "import type { Task } from '../core/task.ts'\nimport { pause } from '../util/pause.ts'",
      'src/core/task.ts': "export type { Pause } from '../util/pause.ts'",
      'src/util/pause.ts': "import { setTimeout } from 'node:timers/promises'",
    }
    assert.deepEqual(violationsOf(files), [])
  })

  it('refuse an upward import, in whatever form it is written', () => {
    const forms = [
      "import { pool } from '../warm/pool.ts'",
      "import type { Pool } from '../warm/pool.ts'",
      "export { pool } from '../warm/pool.ts'",
      "export * from '../warm/pool.ts'",
      "import '../warm/pool.ts'",
      "export const load = () => import('../warm/pool.ts')",
    ]
    for (const form of forms) {
      assert.deepEqual(violationsOf({ 'src/core/task.ts': form }), [
        'src/core/task.ts imports upward: src/warm/pool.ts',
      ])
    }
  })

  it('let a unit test import what it needs', () => {
    assert.deepEqual(violationsOf({ 'src/core/task.test.ts': "import '../engine/fake/fake-engine.ts'" }), [])
  })

  it('let only daemon and executor choose an engine', () => {
    const text = "import '../engine/docker/docker-engine.ts'"
    assert.deepEqual(violationsOf({ 'src/daemon/daemon.ts': text }), [])
    assert.deepEqual(violationsOf({ 'src/executor/docker-executor.ts': text }), [])
    for (const path of ['src/warm/pool.ts', 'src/cli/main.ts']) {
      assert.deepEqual(violationsOf({ [path]: text }), [
        `${path} imports an implementation: src/engine/docker/docker-engine.ts`,
      ])
    }
  })

  it('keep engines apart from each other and from their port', () => {
    const text = "import './docker/docker-engine.ts'"
    assert.deepEqual(violationsOf({ 'src/engine/engine.ts': text }), [
      'src/engine/engine.ts imports an implementation: src/engine/docker/docker-engine.ts',
    ])
    const inside = { 'src/engine/docker/client.ts': "import './http.ts'\nimport '../engine.ts'" }
    assert.deepEqual(violationsOf(inside), [])
    const beside = { 'src/engine/docker/client.ts': "import '../fake/fake-engine.ts'" }
    assert.equal(violationsOf(beside).length, 1)
  })

  it('let the client have the contract, values and rules, and nothing that serves', () => {
    const path = 'src/client/calls.ts'
    for (const target of ['../core/errors.ts', '../util/abort.ts', '../http/contract/operation.ts', './wire.ts']) {
      assert.deepEqual(violationsOf({ [path]: `import '${target}'` }), [])
    }
    for (const target of ['http/problem.ts', 'http/v1/route.ts', 'journal/journal.ts', 'daemon/daemon.ts']) {
      assert.deepEqual(violationsOf({ [path]: `import '../${target}'` }), [
        `src/client/calls.ts imports what clients do not have: src/${target}`,
      ])
    }
  })

  it('refuse a command that talks HTTP past the client', () => {
    for (const name of ['undici', 'node:http', 'node:https']) {
      const text = `import { request } from '${name}'`
      assert.deepEqual(violationsOf({ 'src/cli/run.ts': text }), [
        `src/cli/run.ts talks HTTP by itself, past src/client: ${name}`,
      ])
      assert.deepEqual(violationsOf({ 'src/client/wire.ts': text }), [])
    }
    assert.deepEqual(violationsOf({ 'src/cli/run.ts': "import '../client/client.ts'\nimport 'commander'" }), [])
  })

  it('refuse a folder without a place in the layers', () => {
    assert.match(violationsOf({ 'src/helpers/strings.ts': '' })[0] ?? '', /lies in no layer/)
  })

  it('refuse files that import each other, even for types', () => {
    const files = {
      'src/core/a.ts': "import type { B } from './b.ts'",
      'src/core/b.ts': "import './c.ts'",
      'src/core/c.ts': "export * from './a.ts'",
    }
    assert.deepEqual(violationsOf(files), [
      'files import each other in a circle: src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts',
    ])
  })

  it('refuse folders that import each other', () => {
    const files = {
      'src/engine/a.ts': "import '../resources/b.ts'",
      'src/resources/b.ts': '',
      'src/resources/c.ts': "import '../engine/d.ts'",
      'src/engine/d.ts': '',
    }
    assert.deepEqual(violationsOf(files), ['folders import each other in a circle: engine -> resources -> engine'])
  })

  it('refuse a file over 400 lines', () => {
    assert.deepEqual(violationsOf({ 'src/core/a.ts': '// line\n'.repeat(400) }), [])
    assert.deepEqual(violationsOf({ 'src/core/a.ts': '// line\n'.repeat(401) }), [
      'src/core/a.ts has 401 lines, more than 400',
    ])
  })

  it('refuse the environment outside the configuration', () => {
    const forms = [
      'export const home = () => process.env.HOME',
      "export const home = () => process['env']",
      "import { env } from 'node:process'",
    ]
    for (const form of forms) {
      assert.equal(violationsOf({ 'src/core/a.ts': form }).length, 1, form)
      assert.deepEqual(violationsOf({ 'src/daemon/config/environment.ts': form }), [])
    }
    assert.deepEqual(violationsOf({ 'src/core/a.ts': '// process.env is for the configuration' }), [])
  })

  it('refuse variables of a module, not those of a function', () => {
    assert.deepEqual(violationsOf({ 'src/core/a.ts': 'let count = 0\nexport let other = count' }), [
      'src/core/a.ts holds state in the module-level variable count',
      'src/core/a.ts holds state in the module-level variable other',
    ])
    assert.deepEqual(violationsOf({ 'src/core/a.ts': 'export function next() { let n = 0; return n }' }), [])
  })
})
