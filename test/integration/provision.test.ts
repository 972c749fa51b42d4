import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProvisionScript } from '../../src/core/provision-script.ts'
import type { SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { makePlace } from '../../src/files/place.fixture.ts'
import { provisionFailure, writeProvision } from '../../src/files/provision.ts'
import { type Ran, ShellBench } from '../support/shell-sandbox.ts'
import { ensureTwoLanguages } from '../support/two-languages.ts'

const PYTHON = `#!/usr/bin/python3
import os, sys
print('python', sys.argv[1:], oct(os.stat('/errand/provision/run').st_mode))
`
const WORDS = ["it's", '$HOME', '"', '']

const SCRIPTS: readonly ProvisionScript[] = [
  { name: 'z.py', content: PYTHON, args: WORDS },
  { name: 'a.sh', content: 'echo shell "$#"', args: WORDS },
]

/** Runs the image's own command after the scripts, unless `changes` name another. */
async function runAfter(
  bench: ShellBench,
  scripts: readonly ProvisionScript[],
  { process, ...changes }: Partial<SandboxSpec> = {},
  onStdout?: (text: string, ref: SandboxRef) => void,
): Promise<Ran> {
  await using place = await makePlace()
  const { mount, entrypointPrefix } = await writeProvision(place.at('provision'), scripts)
  const spec = { ...changes, mounts: [mount], process: { ...process, prefix: entrypointPrefix } }
  return await bench.run(spec, onStdout)
}

test('scripts in two languages run in their order, and then what the image says, for every user', async () => {
  await using bench = await ShellBench.open(await ensureTwoLanguages())
  const expected = (uid: number): RegExp => new RegExp(`\\|${uid}\\n\\d+\\n$`)
  for (const [uid, changes] of [
    [0, {}],
    [65534, { process: { user: '65534:65534' } }],
    [12345, { profile: 'strict', process: { user: '12345:12345' } }],
  ] as const) {
    const { stdout, stderr, exitCode } = await runAfter(bench, SCRIPTS, changes)
    assert.deepEqual([exitCode, stderr], [0, ''], stdout)
    assert.match(stdout, expected(uid))
    // How Python quotes a list is its own business.
    assert.match(stdout, /^python \["it's", '\$HOME', '"', ''\] 0o100555\nshell 4\nan image's\|\$arguments\|/)
  }
})

test('the first script that fails ends it, with its own exit code and name', async () => {
  await using bench = await ShellBench.open(await ensureTwoLanguages())
  const bad = { name: 'bad.py', content: '#!/usr/bin/python3\nraise SystemExit(41)\n' }
  const ran = await runAfter(bench, [...SCRIPTS.slice(1), bad, { name: 'never', content: 'echo never' }])
  assert.deepEqual([ran.stdout, ran.exitCode], ['shell 4\n', 41])
  assert.deepEqual(provisionFailure(41, ran.stderr), { script: 'bad.py', exitCode: 41 })
})

test('a job after scripts gets signals itself', async () => {
  await using bench = await ShellBench.open(await ensureTwoLanguages())
  const job =
    'import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\nprint("ready", flush=True)\nsignal.pause()'
  const process = { entrypoint: ['/usr/bin/python3', '-c', job] }
  let asked: Promise<void> | undefined
  const ran = await runAfter(bench, SCRIPTS, { process }, (text, ref) => {
    if (text.includes('ready\n')) asked ??= bench.engine.signal(ref, 'SIGTERM', bench.signal)
  })
  await asked
  assert.equal(ran.exitCode, 9)
})

test('a sandbox cannot change its scripts', async () => {
  await using bench = await ShellBench.open(await ensureTwoLanguages())
  const script = 'for f in scripts/next scripts/new new run; do echo evil > /errand/provision/$f; done; exit 0'
  const next = { name: 'next', content: 'echo as it was' }
  const { stdout, exitCode } = await runAfter(bench, [{ name: 'first', content: script }, next])
  assert.equal(exitCode, 0)
  assert.match(stdout, /^as it was\n/)
})
