import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ErrandError } from './errors.ts'
import {
  addResources,
  describeResource,
  exceeding,
  MIB,
  NO_RESOURCES,
  parseCores,
  parseMebibytes,
  type Resources,
  subtractResources,
} from './resources.ts'

const invalid = (error: unknown): boolean => error instanceof ErrandError && error.code === 'validation_failed'

const anyResources: fc.Arbitrary<Resources> = fc.record(
  { cpuMillis: fc.nat(1_000_000), memoryBytes: fc.nat(2 ** 40), gpus: fc.nat(64) },
  { noNullPrototype: true },
)

describe('cores', () => {
  test('of one decimal become exactly their thousandths', () => {
    for (let tenths = 1; tenths <= 10_000; tenths += 1) assert.equal(parseCores(tenths / 10), tenths * 100)
  })

  for (const cores of [0, 0.05, 0.09, 0.11, 0.15, 1.25, 0.1001, -0.1, -1, Number.NaN, Infinity, -Infinity, 1e-9]) {
    test(`${cores} is no share of cpu`, () => assert.throws(() => parseCores(cores), invalid))
  }

  test('that are a sum of tenths in floating point still count as tenths', () => {
    assert.equal(parseCores(0.1 + 0.2), 300)
    assert.equal(parseCores(0.7 + 0.1), 800)
  })
})

describe('memory', () => {
  test('in whole MB becomes bytes', () => {
    assert.equal(parseMebibytes(6), 6 * MIB)
    assert.equal(parseMebibytes(4096), 4096 * MIB)
  })

  for (const mebibytes of [0, 5, 5.9, 6.5, -128, Number.NaN, Infinity, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    test(`${mebibytes} MB is no amount`, () => assert.throws(() => parseMebibytes(mebibytes), invalid))
  }
})

describe('resources', () => {
  test('taken away again leave what was there', () => {
    fc.assert(
      fc.property(anyResources, anyResources, (a, b) => {
        assert.deepEqual(subtractResources(addResources(a, b), b), a)
        assert.deepEqual(addResources(a, NO_RESOURCES), a)
      }),
    )
  })

  test('exceed an offer in exactly the kinds of which more is asked', () => {
    const offered = { cpuMillis: 1000, memoryBytes: 128 * MIB, gpus: 0 }
    assert.deepEqual(exceeding(offered, offered), [])
    assert.deepEqual(exceeding({ ...offered, cpuMillis: 1100 }, offered), ['cpuMillis'])
    assert.deepEqual(exceeding({ cpuMillis: 0, memoryBytes: 129 * MIB, gpus: 1 }, offered), ['memoryBytes', 'gpus'])
  })

  test('are described in the units of people', () => {
    assert.equal(describeResource('cpuMillis', 1000), '1 core')
    assert.equal(describeResource('cpuMillis', 1500), '1.5 cores')
    assert.equal(describeResource('memoryBytes', 128 * MIB), '128 MiB')
    assert.equal(describeResource('memoryBytes', 1.25 * MIB), '1.3 MiB')
    assert.equal(describeResource('gpus', 1), '1 GPU')
    assert.equal(describeResource('gpus', 0), '0 GPUs')
  })
})
