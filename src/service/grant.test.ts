import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../core/log.ts'
import { MIB } from '../core/resources.ts'
import { limitGrant, offeredResources } from './grant.ts'
import type { Grant } from './node-api.ts'

const LIMITS = { hostCpuMillis: 4000, hostMemoryBytes: 10_000 * MIB, cpuOvercommit: 1 }
const GRANT: Grant = {
  cpuMillis: 2500,
  memoryBytes: 4096 * MIB,
  keepAliveMs: 60_000,
  hasGpu: false,
  microVmRuntime: undefined,
}

test('a grant within the host is taken as it is', () => {
  assert.deepEqual(limitGrant(GRANT, LIMITS, silentLog), GRANT)
})

test('a grant above the host is capped at its cores and 80 % of its memory, with a warning', () => {
  const warnings: string[] = []
  const log = { ...silentLog, warn: (_facts: object, message: string) => void warnings.push(message) }
  const capped = limitGrant({ ...GRANT, cpuMillis: 64_000, memoryBytes: 65_536 * MIB }, LIMITS, log)
  assert.deepEqual([capped.cpuMillis, capped.memoryBytes], [4000, 8000 * MIB])
  assert.equal(warnings.length, 1)
})

test('overcommit multiplies the cores on offer, not the memory', () => {
  const offered = offeredResources(GRANT, { ...LIMITS, cpuOvercommit: 3 })
  assert.deepEqual(offered, { cpuMillis: 7500, memoryBytes: 4096 * MIB, gpus: 0 })
})

test('no GPU is offered, also when the owner says that there is one', () => {
  assert.equal(offeredResources(limitGrant({ ...GRANT, hasGpu: true }, LIMITS, silentLog), LIMITS).gpus, 0)
})
