import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from './load.ts'
import { testHost } from './test-host.fixture.ts'

const ENABLED = { enableFaults: true }

function host(fault: string): ReturnType<typeof testHost> {
  return testHost({ environment: { ERRAND_FAULT: fault } })
}

test('a fault without its flag stops the start', () => {
  const message = 'environment ERRAND_FAULT: is for tests of crashes, and needs the flag --enable-faults'
  assert.throws(() => loadConfig({}, host('after:container.create:kill9')), { message })
})

test('the flag alone, or an empty variable, means no fault', () => {
  assert.equal(loadConfig(ENABLED, testHost()).config.fault, undefined)
  assert.equal(loadConfig({}, host('')).config.fault, undefined)
})

test('with its flag a fault is taken as it is written', () => {
  const { fault } = loadConfig(ENABLED, host('before:journal.save.creating.start:kill9')).config
  assert.deepEqual(fault, { moment: 'before', point: 'journal.save.creating.start' })
})

test('a fault that is none stops the start, and the points are named', () => {
  for (const text of ['kill9', 'amid:container.create:kill9', 'after:container.make:kill9', 'after:image.pull:exit']) {
    assert.throws(
      () => loadConfig(ENABLED, host(text)),
      /^ConfigError: environment ERRAND_FAULT: must be .+image\.pull/,
    )
  }
})
