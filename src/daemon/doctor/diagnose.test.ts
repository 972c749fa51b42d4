import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import { testHost } from '../config/test-host.fixture.ts'
import { type DiagnosisDeps, diagnose } from './diagnose.ts'
import { SURVEY } from './engine-survey.fixture.ts'
import { fakeLook } from './fake-look.fixture.ts'

const signal = new AbortController().signal

function machine(changes: Partial<DiagnosisDeps> = {}): DiagnosisDeps {
  return {
    look: fakeLook(),
    survey: async () => SURVEY,
    canFilter: async () => true,
    askHealth: async () => false,
    assertListenable: async () => {},
    inspectJournal: async () => true,
    clock: new ManualClock(),
    nodeVersion: 'v24.20.0',
    uid: 0,
    ...changes,
  }
}

test('every check has one finding with a name of its own', async () => {
  const { findings, isolations } = await diagnose({}, testHost(), machine(), signal)
  const names = findings.map(({ check }) => check)
  assert.deepEqual(names, [...new Set(names)])
  for (const name of [
    'Docker Engine',
    'runc',
    'cgroup controllers',
    'disk of the Engine',
    'iptables',
    'clock',
    'daemon',
    'listen',
    'journal',
  ]) {
    assert.ok(names.includes(name), name)
  }
  assert.deepEqual(
    isolations.map(({ isolation }) => isolation),
    ['container', 'gvisor', 'microvm'],
  )
})

test('without an engine the rest is looked at all the same', async () => {
  const survey = async () => {
    throw new ErrandError('engine_unavailable', 'the Docker Engine gave no answer')
  }
  const { findings, isolations } = await diagnose({}, testHost(), machine({ survey }), signal)
  assert.equal(findings.find(({ check }) => check === 'Docker Engine')?.level, 'problem')
  assert.ok(findings.some(({ check }) => check === 'state folder'))
  assert.deepEqual(isolations, [])
})

test('a wrong configuration is a problem, and counts its mistakes; the rest is looked at with the defaults', async () => {
  const host = testHost({ environment: { ERRAND_CPU: '0', ERRAND_MEM: '1' } })
  const { findings } = await diagnose({}, host, machine(), signal)
  const finding = findings.find(({ check }) => check === 'configuration')
  assert.equal(finding?.level, 'problem')
  assert.match(finding?.found ?? '', /^environment ERRAND_CPU.* \(and 1 more\)$/)
  assert.ok(findings.some(({ check, found }) => check === 'state folder' && found.startsWith('/var/lib/errand')))
})

test('the flags of serve say where to look', async () => {
  const asked: string[] = []
  const survey = async (socketPath: string) => {
    asked.push(socketPath)
    return SURVEY
  }
  const askHealth = async (socketPath: string) => asked.push(socketPath) > 0
  const flags = { dockerHost: 'unix:///d.sock', runDir: '/r' }
  const { findings } = await diagnose(flags, testHost(), machine({ survey, askHealth }), signal)
  assert.deepEqual(asked, ['/d.sock', '/r/errand.sock'])
  assert.equal(findings.find(({ check }) => check === 'daemon')?.found, 'answers on /r/errand.sock')
})

test('whoever stops it gets no report', async () => {
  const controller = new AbortController()
  const survey = async () => {
    controller.abort(new ErrandError('cancelled', 'asked to end'))
    throw new ErrandError('engine_unavailable', 'cut')
  }
  await assert.rejects(diagnose({}, testHost(), machine({ survey }), controller.signal), { code: 'cancelled' })
})
