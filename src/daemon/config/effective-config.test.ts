import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalJson } from '../../util/canonical-json.ts'
import type { Config } from './config.ts'
import { effectiveConfig } from './effective-config.ts'
import { loadConfig } from './load.ts'

function load(...set: string[]): Config {
  return loadConfig({ stateDir: '/state', runDir: '/run', set }).config
}

/** With what is in force of the grant in place of what was written. */
function json(config: Config, cpuMillis = 1000): string {
  return canonicalJson(effectiveConfig(config, { ...config.grant, cpuMillis }))
}

const TWO_FACES = '[{address: "127.0.0.1:1", faces: [meca, v1]}]'

const USUAL = {
  listen: '["127.0.0.1:1"]',
  'tasks.requestTimeoutMs': '5',
  'executions.inputPresets': '{a: {path: /a}, b: {path: /b}}',
}

function usual(changes: Readonly<Record<string, string>> = {}): string {
  return json(load(...Object.entries({ ...USUAL, ...changes }).map(([key, value]) => `${key}=${value}`)))
}

test('F13: a configuration is the same text however its parts are ordered, and another one when any of them differs', () => {
  const text = usual()
  assert.equal(usual({ 'executions.inputPresets': '{b: {path: /b}, a: {path: /a}}' }), text)
  assert.equal(usual({ listen: '[{faces: [v1, meca], address: "127.0.0.1:1"}]' }), usual({ listen: TWO_FACES }))
  for (const change of [
    { 'tasks.requestTimeoutMs': '6' },
    { 'executions.inputPresets': '{a: {path: /a}, b: {path: /c}}' },
    { 'executions.retentionBytes': '1GiB' },
    { listen: '[{address: "127.0.0.1:1", faces: [v1]}]' },
    { mem: '100' },
  ]) {
    assert.notEqual(usual(change), text, JSON.stringify(change))
  }
  assert.notEqual(json(load(), 500), json(load()), 'what is granted counts')
})

test('F13: a configuration says what it grants, what is unlimited and in which files its secrets are', () => {
  const set = ['tasks.concurrency=unlimited', 'auth.tokensFile=/tokens']
  const { grant, tasks, auth } = JSON.parse(json(load(...set), 500))
  assert.deepEqual([grant.cpuMillis, tasks.concurrency, auth], [500, 'unlimited', { tokensFile: '/tokens' }])
})

test('F13: a fault that is to be provoked is no part of a configuration', () => {
  const config = load()
  const fault = { moment: 'before', point: 'journal.insert' } as const
  assert.equal(json({ ...config, fault }), json(config))
})
