import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EngineSurvey } from '../../engine/engine-survey.ts'
import { loadConfig } from '../config/load.ts'
import { testHost } from '../config/test-host.fixture.ts'
import { checkEngine, checkProxy, checkRuntimes, checkStrict } from './engine-checks.ts'
import { SURVEY } from './engine-survey.fixture.ts'
import { fakeLook } from './fake-look.fixture.ts'
import { isolationTable } from './isolation-table.ts'

/** What is not well. */
function faults(survey: Partial<EngineSurvey>): string[] {
  const findings = checkEngine({ ...SURVEY, ...survey }).filter(({ level }) => level !== 'ok')
  return findings.map(({ check, level }) => `${level} ${check}`)
}

test('an engine without faults has none', () => {
  assert.deepEqual(faults({}), [])
})

test('each fault of an engine is told by its name', () => {
  const warnings = ['swap is not limited: a task can use swap beyond its memory']
  const unenforced = ['memory limits are not enforced: the kernel lacks the memory cgroup']
  assert.deepEqual(faults({ components: new Map([['engine', '24.0.2']]) }), ['problem Docker Engine'])
  assert.deepEqual(faults({ cgroup: { version: '1', driver: 'none' } }), ['problem cgroups'])
  assert.deepEqual(faults({ probe: { ...SURVEY.probe, warnings } }), ['warning limits'])
  assert.deepEqual(faults({ probe: { ...SURVEY.probe, warnings: [...warnings, ...unenforced] } }), ['problem limits'])
  assert.deepEqual(faults({ probe: { ...SURVEY.probe, outlivesRestart: false } }), ['warning live-restore'])
  assert.deepEqual(faults({ storage: { driver: 'vfs', fileSystem: undefined } }), ['warning storage'])
  assert.deepEqual(faults({ logDriver: 'json-file' }), ['warning log driver'])
  assert.deepEqual(faults({ joinsNeighbours: true }), ['warning icc'])
  assert.deepEqual(faults({ joinsNeighbours: undefined }), [])
  assert.deepEqual(faults({ hasSeccomp: false }), ['problem seccomp'])
  assert.deepEqual(faults({ authorizationPlugins: ['opa'] }), ['warning Docker Engine'])
})

test("the userland proxy is told by the Engine's file alone", async () => {
  const check = async (text: string) =>
    (await checkProxy(fakeLook({ texts: { '/etc/docker/daemon.json': text } }))).level
  assert.equal(await check('{"userland-proxy": false}'), 'ok')
  assert.equal(await check('{"userland-proxy": true}'), 'warning')
  assert.equal((await checkProxy(fakeLook())).level, 'warning')
})

test('runtimes that isolate more are asked for their versions', async () => {
  const runtimePaths = new Map([
    ['runc', 'runc'],
    ['gvisor', '/usr/bin/runsc'],
    ['kata', '/opt/kata/bin/kata-runtime'],
    ['gone', '/opt/gone/runsc'],
  ])
  const programs = {
    '/usr/bin/runsc --version': 'runsc version release-20260302.0\nspec: 1.1.0-rc.1\n',
    '/opt/kata/bin/kata-runtime --version': 'kata-runtime  : 3.2.0\n',
  }
  const findings = await checkRuntimes(fakeLook({ programs }), { ...SURVEY, runtimePaths })
  assert.deepEqual(
    findings.map(({ check, level }) => [check, level]),
    [
      ['runtime gvisor', 'ok'],
      ['runtime kata', 'warning'],
      ['runtime gone', 'problem'],
    ],
  )
})

test('the table of isolations says what is offered, by what, and why not', () => {
  const unenforced = { enforcesLimits: false, hasUnixSocket: false }
  const enforced = { enforcesLimits: true, hasUnixSocket: true }
  const runtimes = new Map([
    ['runc', enforced],
    ['kata', unenforced],
    ['runsc', unenforced],
    ['io.containerd.runc.v2', enforced],
  ])
  const probe = { ...SURVEY.probe, runtimes, defaultRuntime: 'runc' }
  const unset = { microVmRuntime: undefined, gvisorRuntime: undefined, allowUnenforced: new Set<string>() }
  const none = isolationTable(probe, unset)
  assert.deepEqual(
    none.map(({ isolation, isOffered }) => [isolation, isOffered]),
    [
      ['container', true],
      ['gvisor', false],
      ['microvm', false],
      ['runtime kata', false],
      ['runtime runsc', false],
    ],
  )
  assert.match(none[1]?.why ?? '', /isolation.gvisorRuntime is not set/)
  assert.match(none[2]?.why ?? '', /microVM_runtime is not set/)
  const named = { ...unset, microVmRuntime: 'kata', gvisorRuntime: 'runsc' }
  const refused = isolationTable(probe, named)
  for (const row of refused.slice(1)) assert.match(row.why, /does not enforce limits/)
  assert.equal(refused.length, 3)
  const accepted = isolationTable(probe, { ...named, allowUnenforced: new Set(['kata', 'runsc']) })
  assert.deepEqual(accepted.slice(1), [
    { isolation: 'gvisor', isOffered: true, why: 'runsc: limits do not bind; port only' },
    { isolation: 'microvm', isOffered: true, why: 'kata: limits do not bind; port only' },
  ])
})

test('the profile strict is refused for known holes, accepted by its operator, or fine', async () => {
  const holed = { ...SURVEY.probe, components: new Map([['runc', '1.1.5']]) }
  const judged = async (probe: EngineSurvey['probe'], ...set: readonly string[]): Promise<string> => {
    const { config } = loadConfig({ set }, testHost())
    const { level, found } = await checkStrict(fakeLook(), { ...SURVEY, probe }, config)
    return `${level} ${found}`
  }
  assert.match(await judged(SURVEY.probe), /^ok taken/)
  assert.match(await judged(holed), /^warning refused with runc here because runc 1\.1\.5 lets a container out/)
  assert.match(await judged(holed, 'executions.profile=strict'), /^problem refused/)
  assert.match(await judged(holed, 'isolation.allowKnownHoles=true'), /^warning taken .*allowKnownHoles/)
})
