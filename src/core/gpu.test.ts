import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countGpus, describeGpus, type GpuRequest, type GpuVendor, parseGpuVendor } from './gpu.ts'

/** As in the PCI registry and in what vendors' tools print. */
const VENDORS: readonly [string, GpuVendor | undefined][] = [
  ['Intel Corporation', 'intel'],
  ['INTEL CORPORATION', 'intel'],
  ['Intel(R) Corporation', 'intel'],
  ['intel', 'intel'],
  ['Intel Corporation Meteor Lake-P [Intel Arc Graphics]', 'intel'],
  ['0x8086', 'intel'],
  ['8086', 'intel'],
  ['NVIDIA Corporation', 'nvidia'],
  ['nVidia Corporation', 'nvidia'],
  ['NVIDIA', 'nvidia'],
  ['NVidia / SGS Thomson (Joint Venture)', 'nvidia'],
  ['0x10de', 'nvidia'],
  ['0x10DE\n', 'nvidia'],
  ['Advanced Micro Devices, Inc. [AMD/ATI]', 'amd'],
  ['Advanced Micro Devices, Inc. [AMD]', 'amd'],
  ['Advanced Micro Devices, Inc.', 'amd'],
  ['ADVANCED MICRO DEVICES, INC. [AMD/ATI]', 'amd'],
  ['ATI Technologies Inc', 'amd'],
  ['AMD', 'amd'],
  ['0X1002', 'amd'],
  ['Matrox Electronics Systems Ltd.', undefined],
  ['ASPEED Technology, Inc.', undefined],
  ['Silicon Integrated Systems [SiS] Corporation', undefined],
  ['Red Hat, Inc. Virtio GPU', undefined],
  ['VMware SVGA II Adapter', undefined],
  ['Inteligent Data Corporation', undefined],
  ['AMD and NVIDIA', undefined],
  ['0x1234', undefined],
  ['Device 8086', undefined],
  ['', undefined],
  [' '.repeat(1000), undefined],
]

for (const [text, vendor] of VENDORS) {
  test(`"${text.trim()}" (${text.length}) is ${vendor ?? 'no vendor of ours'}`, () => {
    assert.equal(parseGpuVendor(text), vendor)
  })
}

test('any text is parsed, and an endless one at once', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) =>
      ['nvidia', 'amd', 'intel', undefined].includes(parseGpuVendor(text)),
    ),
  )
  assert.equal(parseGpuVendor('-'.repeat(50_000_000)), undefined)
})

test('what is asked for is counted, one where no number is said, and told with all its wishes', () => {
  const asked: GpuRequest[] = [{ count: 2, vendor: 'nvidia', model: 'A100' }, { minMemoryBytes: 5, uuid: 'GPU-1' }, {}]
  assert.equal(countGpus(asked), 4)
  assert.equal(describeGpus(asked), '2 (vendor nvidia, model A100) and 1 (at least 5 bytes of memory, GPU-1) and 1')
})
