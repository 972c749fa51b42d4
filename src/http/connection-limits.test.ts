import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CONNECTION_LIMITS, limitsWithin, openFileLimit } from './connection-limits.ts'

test('a process with many files has the usual limits', () => {
  assert.deepEqual(limitsWithin(1_048_576, 2), CONNECTION_LIMITS)
  assert.deepEqual(limitsWithin(Infinity, 1), CONNECTION_LIMITS)
})

test('callers never get the files that the engine needs, and one caller never all that callers get', () => {
  for (const [openFiles, listeners] of [
    [256, 1],
    [256, 2],
    [1024, 2],
    [1024, 5],
  ] as const) {
    const { maxConnections, maxConnectionsPerPeer } = limitsWithin(openFiles, listeners)
    assert.ok(maxConnections * listeners * 2 <= openFiles - 64, `${maxConnections} of ${openFiles}`)
    assert.ok(maxConnectionsPerPeer < maxConnections)
  }
})

test('a node with hardly any files still answers', () => {
  const { maxConnections, maxConnectionsPerPeer } = limitsWithin(32, 3)
  assert.deepEqual([maxConnections, maxConnectionsPerPeer], [8, 6])
})

test('the limit of this process is known', async () => {
  const limit = await openFileLimit()
  assert.ok(limit > 64, String(limit))
})
