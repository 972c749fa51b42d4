import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeGpus } from './describe-gpus.ts'

test('a wish for GPUs is told by what it says, and no more', () => {
  assert.equal(describeGpus({ count: 1 }), '1')
  const all = { count: 2, vendor: 'nvidia', model: 'A100', minMemory: 16 * 2 ** 30, uuid: 'GPU-1' } as const
  assert.equal(describeGpus(all), '2, nvidia, A100, 16 GiB each, GPU-1')
})
