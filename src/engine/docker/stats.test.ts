import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJson } from './answers/read-answer.ts'
import { type StatsAnswer, statsAnswer, toStats } from './stats.ts'

/** One reading as an Engine 20.10 writes it, under cgroup v1. */
const V1 = {
  read: '2026-11-22T20:37:54.200318074Z',
  pids_stats: { current: 3 },
  blkio_stats: {
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: 'Read', value: 4096 },
      { major: 8, minor: 0, op: 'Write', value: 100 },
      { major: 8, minor: 0, op: 'Total', value: 4196 },
      { major: 8, minor: 16, op: 'Read', value: 1 },
    ],
  },
  cpu_stats: { cpu_usage: { total_usage: 300_000_000, usage_in_kernelmode: 4, usage_in_usermode: 5 } },
  memory_stats: { usage: 5000, max_usage: 7000, limit: 9000, stats: { total_inactive_file: 1000, inactive_file: 1 } },
  networks: {
    eth0: { rx_bytes: 736, rx_packets: 8, rx_errors: 1, rx_dropped: 2, tx_bytes: 10, tx_packets: 1 },
    eth1: { rx_bytes: 4, rx_packets: 2, rx_errors: 0, rx_dropped: 0, tx_bytes: 5, tx_packets: 1 },
  },
}

/** The same under cgroup v2, without a network. */
const V2 = {
  ...V1,
  blkio_stats: { io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'read', value: 4096 }] },
  memory_stats: { usage: 5000, limit: 9000, stats: { inactive_file: 1000 } },
  networks: undefined,
}

function reading(answer: object): StatsAnswer {
  return readJson(statsAnswer, JSON.stringify(answer))
}

function earlier(read: string, total_usage: number): StatsAnswer {
  return reading({ ...V1, read, cpu_stats: { cpu_usage: { ...V1.cpu_stats.cpu_usage, total_usage } } })
}

test('a reading is told in our words, with all interfaces and devices added up', () => {
  const stats = toStats(earlier('2026-11-22T20:37:54.000318074Z', 0), reading(V1))
  assert.deepEqual(stats, {
    timeMs: Date.parse('2026-11-22T20:37:54.200Z'),
    cpu: { totalNs: 300_000_000, kernelNs: 4, userNs: 5, percent: 150 },
    memory: { usageBytes: 4000, maxBytes: 7000, limitBytes: 9000 },
    network: {
      rx: { bytes: 740, packets: 10, errors: 1, dropped: 2 },
      tx: { bytes: 15, packets: 2, errors: 0, dropped: 0 },
    },
    blockIo: { readBytes: 4097, writeBytes: 100 },
    pids: 3,
  })
})

test('under cgroup v2, which tells no peak, the most that is known is what is used now', () => {
  const { memory, blockIo, network } = toStats(reading(V2), reading(V2))
  assert.deepEqual(memory, { usageBytes: 4000, maxBytes: 5000, limitBytes: 9000 })
  assert.deepEqual(blockIo, { readBytes: 4096, writeBytes: 0 })
  assert.equal(network.rx.bytes, 0)
})

test('no cpu is used between two readings of one moment, or after a restart', () => {
  assert.equal(toStats(reading(V1), reading(V1)).cpu.percent, 0)
  assert.equal(toStats(earlier('2026-11-22T20:37:53.000318074Z', 900_000_000), reading(V1)).cpu.percent, 0)
})

test('what an Engine leaves out or writes as null counts as nothing', () => {
  const bare = { read: V1.read, cpu_stats: { cpu_usage: {} }, memory_stats: {}, blkio_stats: {}, pids_stats: {} }
  const stats = toStats(reading(bare), reading({ ...bare, networks: null }))
  assert.deepEqual([stats.pids, stats.cpu.totalNs, stats.memory.limitBytes], [0, 0, 0])
})
