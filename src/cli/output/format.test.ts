import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatBytes,
  formatCoreCount,
  formatCores,
  formatCount,
  formatDuration,
  formatPercent,
  formatRelative,
} from './format.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

test('sizes have three digits and a binary unit', () => {
  const sizes = [0, 512, 1023, 1024, 1536, 10.5 * 1024, 1023.9 * 1024, 128 * 1024 ** 2, 1024 ** 5 * 2000]
  assert.deepEqual(sizes.map(formatBytes), [
    '0 B',
    '512 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '10.5 KiB',
    '1 MiB',
    '128 MiB',
    '2000 PiB',
  ])
})

test('durations have the two units that matter, and never round up to what was not reached', () => {
  const durations = [0, 87.9, 999, 1250, 9999, 59_999, MINUTE, 192 * SECOND, 2 * HOUR + 5 * MINUTE, 4 * DAY + 7 * HOUR]
  assert.deepEqual(durations.map(formatDuration), [
    '0ms',
    '87ms',
    '999ms',
    '1.25s',
    '9.99s',
    '59s',
    '1m',
    '3m 12s',
    '2h 5m',
    '4d 7h',
  ])
})

test('times are told from now, in both directions', () => {
  const now = Date.parse('2026-01-10T00:00:00Z')
  const distances = [0, -999, -SECOND, -119 * SECOND, -5 * MINUTE, -47 * HOUR, -3 * DAY, 2 * HOUR]
  assert.deepEqual(
    distances.map((distance) => formatRelative(now + distance, now)),
    ['now', 'now', '1 second ago', '1 minute ago', '5 minutes ago', '47 hours ago', '3 days ago', 'in 2 hours'],
  )
})

test('one of a thing is not many', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => formatCount(count, 'file')),
    ['0 files', '1 file', '2 files'],
  )
  assert.deepEqual([500, 1000, 1500].map(formatCoreCount), ['0.5 cores', '1 core', '1.5 cores'])
})

test('shares are percent, cores are cores', () => {
  assert.deepEqual([0, 0.1234, 1, 15].map(formatPercent), ['0%', '12.3%', '100%', '1500%'])
  assert.deepEqual([500, 2000, 1100].map(formatCores), ['0.5', '2', '1.1'])
})

test('what nobody knows is a dash', () => {
  const unknown = [formatBytes(undefined), formatDuration(undefined), formatDuration(-1), formatPercent(Number.NaN)]
  assert.deepEqual([...unknown, formatRelative(Number.NaN, 0)], ['-', '-', '-', '-', '-'])
})
