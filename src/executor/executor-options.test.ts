import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../daemon/config/load.ts'
import { testHost } from '../daemon/config/test-host.fixture.ts'
import { settingsOf } from './executor-options.ts'

const { config } = loadConfig({}, testHost())
const settings = settingsOf({ id: 'one' })

test('images are fetched and kept by an embedded executor as by a node, where nobody says', () => {
  const { registryConfig: _ofThisUser, ...images } = settings.images
  assert.deepEqual(images, config.images)
})

test('executions of an embedded executor have the times and room that those of a node have, where nobody says', () => {
  const { profile, queueLimit, callerQueueLimit, queueTimeoutMs, pullTimeoutMs } = config.executions
  const { timeoutMs, diskBytes, retentionMs, retentionBytes } = config.executions
  const shared = { profile, queueLimit, callerQueueLimit, queueTimeoutMs, pullTimeoutMs }
  assert.partialDeepStrictEqual(settings.defaults, { ...shared, timeoutMs, diskBytes, retentionMs, retentionBytes })
})
