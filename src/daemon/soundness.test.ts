import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { PROBE } from '../engine/fake/fake-probe.ts'
import { fakeLook } from './doctor/fake-look.fixture.ts'
import { Soundness, type SoundnessDeps } from './soundness.ts'

type Versions = Readonly<Record<string, string>>
type Asked = Parameters<Soundness['assertSound']>[0]

const SOUND: Versions = { engine: '28.2.2', containerd: '1.7.27', runc: '1.3.3' }
const RUNSC = { enforcesLimits: true, hasUnixSocket: false, program: '/usr/bin/runsc' }
const CRUN = { enforcesLimits: true, hasUnixSocket: true, program: '/usr/bin/crun' }
const KATA = { enforcesLimits: true, hasUnixSocket: false, program: '/usr/bin/kata-runtime' }
const OLD_GVISOR = { '/usr/bin/runsc --version': 'runsc version release-20221219.0\nspec: 1.1.0-rc.1\n' }

function made(versions: Versions): SoundnessDeps['engine'] & { versions: Versions } {
  const engine = {
    versions,
    probe: async () => ({
      ...PROBE,
      components: new Map(Object.entries(engine.versions)),
      runtimes: new Map([...PROBE.runtimes, ['runsc', RUNSC], ['crun', CRUN], ['kata', KATA]]),
    }),
  }
  return engine
}

async function open(versions: Versions, more: Partial<SoundnessDeps> = {}): Promise<Soundness> {
  const deps = { engine: made(versions), look: fakeLook(), clock: new ManualClock(), log: new RecordingLog() }
  const used = { ...deps, tasksNetwork: 'egress', allowKnownHoles: false, ...more } as const
  return Soundness.open(await used.engine.probe(new AbortController().signal), used)
}

function asks(more: Partial<Asked> = {}): Asked {
  return { profile: 'strict', runtime: 'runc', network: 'none', ...more }
}

test('strict is refused where runc is known for a hole, and the refusal says what to do', async () => {
  await using soundness = await open({ ...SOUND, runc: '1.1.5+ds1-1+deb12u1' })
  assert.throws(
    () => soundness.assertSound(asks()),
    (error: Error & { code?: string; details?: object }) => {
      assert.equal(error.code, 'runtime_unavailable')
      assert.match(error.message, /strict is refused with runc here: runc 1\.1\.5\+ds1-1\+deb12u1 .*CVE-2025-31133/)
      assert.match(error.message, /update runc to 1\.2\.8, 1\.3\.3.*isolation\.allowKnownHoles/)
      return true
    },
  )
  assert.equal(soundness.warnings.length, 1)
})

test('standard is refused nowhere, and strict not where no version is known for a hole, or none is told', async () => {
  await using holed = await open({ runc: '1.1.5' })
  holed.assertSound(asks({ profile: 'standard' }))
  for (const versions of [SOUND, {}, { engine: 'dev', containerd: '05044ec0a9a7', runc: 'unknown' }]) {
    await using soundness = await open(versions)
    for (const runtime of ['runc', 'crun', 'runsc', 'kata']) soundness.assertSound(asks({ runtime }))
    assert.deepEqual(soundness.warnings, [])
  }
})

test('a hole of runc is none of what other runtimes run, and one of containerd is of all', async () => {
  await using ofRunc = await open({ ...SOUND, runc: '1.1.5' })
  for (const runtime of ['crun', 'runsc', 'kata']) ofRunc.assertSound(asks({ runtime }))
  await using ofContainerd = await open({ ...SOUND, containerd: '1.6.20' })
  for (const runtime of ['runc', 'crun', 'runsc', 'kata']) {
    assert.throws(() => ofContainerd.assertSound(asks({ runtime })), /containerd 1\.6\.20/)
  }
})

test('an old gVisor is refused to who asks for it, and to nobody else', async () => {
  await using soundness = await open(SOUND, { look: fakeLook({ programs: OLD_GVISOR }) })
  soundness.assertSound(asks())
  assert.throws(() => soundness.assertSound(asks({ runtime: 'runsc' })), /release-20221219\.0 is an old build/)
  assert.equal(soundness.warnings.length, 1)
})

test('A34: name look-ups of old Engines matter to warm tasks on an internal network alone', async () => {
  const old = { ...SOUND, engine: '24.0.9' }
  await using egress = await open(old)
  for (const network of ['none', 'internal', 'egress', 'tasks'] as const) egress.assertSound(asks({ network }))
  await using internal = await open(old, { tasksNetwork: 'internal' })
  for (const network of ['none', 'internal', 'egress'] as const) internal.assertSound(asks({ network }))
  assert.throws(() => internal.assertSound(asks({ network: 'tasks' })), /CVE-2024-29018/)
})

test('an operator who knows of the holes can have strict all the same, and is told once', async () => {
  const log = new RecordingLog()
  await using soundness = await open({ ...SOUND, runc: '1.1.5' }, { allowKnownHoles: true, log })
  soundness.assertSound(asks())
  soundness.assertSound(asks())
  assert.deepEqual(
    log.lines.map(({ level, message }) => [level, message]),
    [['warn', soundness.warnings[0]]],
  )
  assert.match(String(soundness.warnings[0]), /^isolation\.allowKnownHoles takes .* runc 1\.1\.5/)
})

test('an engine that comes back with other versions is judged by those', async () => {
  const engine = made(SOUND)
  await using soundness = await open(SOUND, { engine })
  soundness.assertSound(asks())
  engine.versions = { ...SOUND, runc: '1.1.5' }
  soundness.lookAgain()
  while (soundness.warnings.length === 0) await turn()
  assert.throws(() => soundness.assertSound(asks()), { code: 'runtime_unavailable' })
  engine.versions = SOUND
  soundness.lookAgain()
  while (soundness.warnings.length > 0) await turn()
  soundness.assertSound(asks())
})
