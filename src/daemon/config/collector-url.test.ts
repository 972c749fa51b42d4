import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from './load.ts'
import { testHost } from './test-host.fixture.ts'

test('spans go to the path of the endpoint, or to the usual one where it has none', () => {
  const urlOf = (endpoint: string) =>
    loadConfig({ set: [`tracing.endpoint=${endpoint}`] }, testHost()).config.tracing?.url
  assert.equal(urlOf('http://collector:4318'), 'http://collector:4318/v1/traces')
  assert.equal(urlOf('https://collector/'), 'https://collector/v1/traces')
  assert.equal(urlOf('https://collector/otlp'), 'https://collector/otlp')
  assert.equal(urlOf('""'), undefined)
})
