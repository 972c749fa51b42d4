import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GpuDevice } from '../engine.ts'
import { gpuHostConfig } from './gpu-config.ts'

const NVIDIA: GpuDevice = { vendor: 'nvidia', index: 0, uuid: 'GPU-8f6d2b1c-0000-4000-8000-000000000000' }
const MIG: GpuDevice = { vendor: 'nvidia', index: 1, uuid: 'MIG-1c2d3e4f-0000-4000-8000-000000000000' }
const AMD: GpuDevice = { vendor: 'amd', index: 0, renderNode: '/dev/dri/renderD129', groupIds: [44, 109] }
const INTEL: GpuDevice = { vendor: 'intel', index: 0, renderNode: '/dev/dri/renderD128', groupIds: [109] }

const KFD = { PathOnHost: '/dev/kfd', PathInContainer: '/dev/kfd', CgroupPermissions: 'rw' }
const D128 = { PathOnHost: '/dev/dri/renderD128', PathInContainer: '/dev/dri/renderD128', CgroupPermissions: 'rw' }
const D129 = { PathOnHost: '/dev/dri/renderD129', PathInContainer: '/dev/dri/renderD129', CgroupPermissions: 'rw' }

test('a task without GPUs gets nothing, and the NVIDIA runtime is told so', () => {
  assert.deepEqual(gpuHostConfig([]), {
    deviceRequests: [],
    devices: [],
    groupAdd: [],
    environment: ['NVIDIA_VISIBLE_DEVICES=void'],
  })
})

test('NVIDIA GPUs and parts of them are requested by UUID, without a count', () => {
  assert.deepEqual(gpuHostConfig([NVIDIA, MIG]), {
    deviceRequests: [{ Driver: 'nvidia', DeviceIDs: [NVIDIA.uuid, MIG.uuid], Capabilities: [['gpu']] }],
    devices: [],
    groupAdd: [],
    environment: [`NVIDIA_VISIBLE_DEVICES=${NVIDIA.uuid},${MIG.uuid}`],
  })
})

test('an NVIDIA GPU of unknown UUID is requested by its index', () => {
  assert.partialDeepStrictEqual(gpuHostConfig([{ vendor: 'nvidia', index: 3 }]), {
    deviceRequests: [{ Driver: 'nvidia', DeviceIDs: ['3'], Capabilities: [['gpu']] }],
    environment: ['NVIDIA_VISIBLE_DEVICES=3'],
  })
})

test('an AMD GPU is the compute interface and its own render node, opened by numeric groups', () => {
  assert.deepEqual(gpuHostConfig([AMD]), {
    deviceRequests: [],
    devices: [KFD, D129],
    groupAdd: ['44', '109'],
    environment: ['NVIDIA_VISIBLE_DEVICES=void', 'ERRAND_RENDER_NODES=/dev/dri/renderD129'],
  })
})

test('an Intel GPU is its own render node alone', () => {
  assert.deepEqual(gpuHostConfig([INTEL]), {
    deviceRequests: [],
    devices: [D128],
    groupAdd: ['109'],
    environment: ['NVIDIA_VISIBLE_DEVICES=void', 'ERRAND_RENDER_NODES=/dev/dri/renderD128'],
  })
})

test('GPUs of several vendors come together, with nothing doubled', () => {
  const second: GpuDevice = { ...AMD, index: 1, renderNode: '/dev/dri/renderD130' }
  assert.deepEqual(gpuHostConfig([INTEL, AMD, NVIDIA, second, AMD, NVIDIA]), {
    deviceRequests: [{ Driver: 'nvidia', DeviceIDs: [NVIDIA.uuid], Capabilities: [['gpu']] }],
    devices: [KFD, D128, D129, { ...D129, PathOnHost: second.renderNode, PathInContainer: second.renderNode }],
    groupAdd: ['109', '44'],
    environment: [
      `NVIDIA_VISIBLE_DEVICES=${NVIDIA.uuid}`,
      'ERRAND_RENDER_NODES=/dev/dri/renderD128,/dev/dri/renderD129,/dev/dri/renderD130',
    ],
  })
})

test('NVIDIA GPUs need no groups', () => {
  assert.deepEqual(gpuHostConfig([{ ...NVIDIA, groupIds: [44] }]).groupAdd, [])
})

test('a task that runs as root needs no groups', () => {
  for (const user of ['0', 'root', '0:0', 'root:video']) assert.deepEqual(gpuHostConfig([AMD], user).groupAdd, [])
  for (const user of ['1000', '1000:0', 'rooted']) assert.deepEqual(gpuHostConfig([AMD], user).groupAdd, ['44', '109'])
})

test('a GPU without a render node is refused, not left out', () => {
  for (const vendor of ['amd', 'intel'] as const) {
    assert.throws(() => gpuHostConfig([{ vendor, index: 2 }]), { code: 'runtime_unavailable' })
  }
})
