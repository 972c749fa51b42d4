import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineStub, json, type StubRoutes } from '../../../test/support/engine-stub.ts'
import { silentLog } from '../../core/log.ts'
import { plainSpec } from '../sandbox-spec.fixture.ts'
import { Bills } from './bills.ts'
import { DockerClient } from './client.ts'

const never = new AbortController().signal
const { port: _port, ...EXECUTION } = plainSpec('sha256:1')
const INFO = {
  NCPU: 2,
  MemTotal: 1,
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
  CpuCfsQuota: true,
  CgroupDriver: 'systemd',
  DockerRootDir: '/var/lib/docker',
  Driver: 'overlay2',
  LiveRestoreEnabled: true,
  DefaultRuntime: 'runc',
  Runtimes: {},
}

async function withBills(routes: StubRoutes, work: (bills: Bills, requests: readonly string[]) => Promise<void>) {
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open(stub, never)
  await using bills = new Bills({ client, installation: 'f'.repeat(32), log: silentLog })
  await work(bills, stub.requests)
}

test('with the systemd driver containers get no parent, and the Engine is asked once', async () => {
  await withBills({ 'GET /info': json(INFO) }, async (bills, requests) => {
    assert.equal(await bills.parentOf(EXECUTION, 'box', never), undefined)
    assert.equal(await bills.parentOf(EXECUTION, 'box', never), undefined)
    assert.equal(requests.length, 1)
    await bills.discardUnused(never)
    assert.equal(await bills.parentOf(EXECUTION, 'box', never), undefined)
    assert.equal(requests.length, 2, 'an Engine that is listened to anew is asked anew')
  })
})

test('what serves gets no parent, and the Engine is not asked', async () => {
  await withBills({}, async (bills, requests) => {
    assert.equal(await bills.parentOf(plainSpec('sha256:1'), 'box', never), undefined)
    assert.deepEqual(requests, [])
  })
})

test('a container without a parent has no bill, and discarding it does no harm', async () => {
  await withBills({}, async (bills) => {
    assert.equal(await bills.read('box'), undefined)
    await bills.discard('box')
  })
})
