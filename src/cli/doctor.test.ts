import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { MIB } from '../core/resources.ts'
import { SURVEY } from '../daemon/doctor/engine-survey.fixture.ts'
import { fakeLook } from '../daemon/doctor/fake-look.fixture.ts'
import type { Preflight, PreflightTerms } from '../daemon/doctor/preflight.ts'
import { type DoctorFlags, runDoctor } from './doctor.ts'
import { isHarmless, TERMINAL_ATTACKS } from './output/terminal-attacks.fixture.ts'
import { textWidth } from './output/text-width.ts'
import { type TestTerminalOptions, testTerminal } from './test-terminal.fixture.ts'

interface Told {
  readonly status: number
  readonly stdout: string
  readonly terms: readonly PreflightTerms[]
}

const FAILED: Preflight = {
  image: 'x',
  profile: 'strict',
  outcome: 'failed',
  rule: 'read-only',
  found: 'it writes to its root file system',
  advice: 'grant the preset web-server',
  output: '',
}

/** `node` is the version that this process says it is. */
async function doctor(
  flags: DoctorFlags,
  options: TestTerminalOptions = {},
  { node = 'v24.20.0', preflight = FAILED }: { node?: string; preflight?: Preflight } = {},
): Promise<Told> {
  const terminal = testTerminal(options)
  const terms: PreflightTerms[] = []
  const status = await runDoctor(flags, terminal, {
    machine: () => ({
      look: fakeLook({ disk: { totalBytes: 2 ** 40, freeBytes: 2 ** 39 } }),
      survey: async () => SURVEY,
      canFilter: async () => true,
      askHealth: async () => false,
      assertListenable: async () => {},
      inspectJournal: async () => true,
      clock: systemClock,
      nodeVersion: node,
      uid: 0,
    }),
    preflight: async (_config, asked) => {
      terms.push(asked)
      return preflight
    },
  })
  assert.equal(terminal.listeners(), 0)
  return { status, stdout: terminal.printed.stdout, terms }
}

test('warnings end with 0, a problem with 1 and comes last, each with one line of advice', async () => {
  assert.equal((await doctor({})).status, 0)
  const { status, stdout } = await doctor({}, {}, { node: 'v20.1.0' })
  assert.equal(status, 1)
  assert.match(
    stdout,
    /\nproblem {2}Node.js: v20.1.0 is older than 24.15.0\n {9}-> install .*\n\n\d+ ok, \d+ warnings, 1 problem\n$/,
  )
  const marks = stdout.split('\n').flatMap((line) => /^(ok|warning|problem)/.exec(line)?.[1] ?? [])
  assert.deepEqual(
    marks,
    marks.toSorted((a, b) => ['ok', 'warning', 'problem'].indexOf(a) - ['ok', 'warning', 'problem'].indexOf(b)),
  )
})

test('a report fits 80 columns', async () => {
  const { stdout } = await doctor({}, { columns: 80, hasColors: false }, { node: 'v20.1.0' })
  for (const line of stdout.split('\n')) assert.ok(textWidth(line) <= 80, line)
})

test('JSON has findings and isolations', async () => {
  const { stdout } = await doctor({ json: true })
  const { findings, isolations } = JSON.parse(stdout)
  assert.ok(
    findings.some((finding: { check: string; level: string }) => finding.check === 'runc' && finding.level === 'ok'),
  )
  assert.equal(isolations[0].isolation, 'container')
})

test("an image is tried under the node's profile with 128 MiB, or as it is asked", async () => {
  const plain = await doctor({ image: 'a' })
  assert.deepEqual(plain.terms, [{ image: 'a', profile: 'standard', memoryBytes: 128 * MIB, forMs: 5000 }])
  const demanded = await doctor({ image: 'a', set: ['executions.profile=strict'], memory: '1GiB' })
  assert.deepEqual(demanded.terms, [{ image: 'a', profile: 'strict', memoryBytes: 1024 * MIB, forMs: 5000 }])
  assert.equal((await doctor({ image: 'a', profile: 'strict' })).terms[0]?.profile, 'strict')
  await assert.rejects(doctor({ image: 'a', memory: 'much' }), { code: 'validation_failed' })
})

test('an image that fails ends with 1 and names rule and remedy; one that does not ends with 0', async () => {
  const failed = await doctor({ image: 'x' })
  assert.deepEqual(
    [failed.status, failed.stdout],
    [
      1,
      'problem  x under strict (read-only): it writes to its root file system\n         -> grant the preset web-server\n',
    ],
  )
  const good = await doctor({ image: 'x' }, {}, { preflight: { ...FAILED, outcome: 'runs on' } })
  assert.equal(good.status, 0)
  assert.equal(JSON.parse((await doctor({ image: 'x', json: true })).stdout).rule, 'read-only')
})

test('what an image says gives a terminal no instruction', async () => {
  for (const { text } of TERMINAL_ATTACKS) {
    for (const json of [true, false]) {
      const preflight = { ...FAILED, image: text, found: text, advice: text, output: text }
      const { stdout } = await doctor({ image: text, json }, { columns: 80 }, { preflight })
      assert.ok(isHarmless(stdout))
      if (!json) assert.equal(stdout.split('\n').filter((line) => /^\S/.test(line)).length, 1)
    }
  }
})
