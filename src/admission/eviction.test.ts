import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addResources, exceeding, NO_RESOURCES, type Resources } from '../core/resources.ts'
import { agedClock, chooseEvictions, type Evictable, keepValue } from './eviction.ts'

function idle(value: number, cpuMillis: number, memoryBytes = 1, gpus = 0): Evictable {
  return { value, resources: { cpuMillis, memoryBytes, gpus }, evict() {} }
}

function short(cpuMillis: number, memoryBytes = 0, gpus = 0): Resources {
  return { cpuMillis, memoryBytes, gpus }
}

test('the least valuable go first and only as many as are needed', () => {
  const [cheap, middle, dear] = [idle(1, 500), idle(2, 500), idle(3, 500)]
  assert.deepEqual(chooseEvictions([dear, cheap, middle], short(700)), [cheap, middle])
})

test('nothing is chosen when nothing is missing', () => {
  assert.deepEqual(chooseEvictions([idle(1, 500)], short(0, -5)), [])
})

test('none is chosen when even all of them would not do', () => {
  assert.equal(chooseEvictions([idle(1, 500), idle(2, 400)], short(1000)), undefined)
})

test('a pick that a later, bigger one makes unnecessary is spared', () => {
  const [small, big] = [idle(1, 100), idle(2, 1000)]
  assert.deepEqual(chooseEvictions([small, big], short(800)), [big])
})

test('an instance that holds nothing of what is missing stays', () => {
  const [plain, gpu] = [idle(1, 1000), idle(2, 100, 1, 1)]
  assert.deepEqual(chooseEvictions([plain, gpu], short(0, 0, 1)), [gpu])
})

test('choices cover the shortage, hold no unneeded one, and fail only when all together fail', () => {
  const candidate = fc.record({ value: fc.nat(9), cpu: fc.nat(9), memory: fc.nat(9), gpus: fc.nat(1) })
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 8 }), fc.nat(20), fc.nat(20), fc.nat(2), (all, cpu, memory, gpus) => {
      const candidates = all.map((each) => idle(each.value, each.cpu, each.memory, each.gpus))
      const missing = short(cpu, memory, gpus)
      const covers = (picks: readonly Evictable[]): boolean => exceeding(missing, sum(picks)).length === 0
      const chosen = chooseEvictions(candidates, missing)
      assert.equal(chosen !== undefined, covers(candidates))
      if (chosen === undefined) return
      assert.ok(covers(chosen))
      for (const pick of chosen) assert.ok(!covers(chosen.filter((other) => other !== pick)))
    }),
  )
})

function sum(evictables: readonly Evictable[]): Resources {
  return evictables.reduce((total, each) => addResources(total, each.resources), NO_RESOURCES)
}

test('an instance is worth more the dearer its start, the more often it is used and the less memory it holds', () => {
  const facts = { clock: 0, uses: 10, coldStartMs: 500, memoryBytes: 1000 }
  const worth = keepValue(facts)
  assert.ok(keepValue({ ...facts, coldStartMs: 600 }) > worth)
  assert.ok(keepValue({ ...facts, uses: 11 }) > worth)
  assert.ok(keepValue({ ...facts, memoryBytes: 2000 }) < worth)
})

test('evictions age those that are not used, so that a once popular one is overtaken', () => {
  const oncePopular = keepValue({ clock: 0, uses: 100, coldStartMs: 10, memoryBytes: 1 })
  let clock = 0
  for (let evicted = 0; evicted < 1000; evicted += 100) clock = agedClock(clock, evicted)
  clock = agedClock(clock, oncePopular)
  assert.equal(agedClock(clock, 5), clock)
  assert.ok(keepValue({ clock, uses: 1, coldStartMs: 10, memoryBytes: 1 }) > oncePopular)
})
