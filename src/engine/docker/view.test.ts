import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerAnswer } from './schemas.ts'
import { toListing, toView } from './view.ts'

const RUNNING: ContainerAnswer = {
  Id: 'abc',
  Name: '/errand-1',
  State: { Status: 'running', Pid: 42, ExitCode: 0, OOMKilled: false },
  Config: { Labels: { 'dev.errand.endpoint': '8080' } },
  HostConfig: { Memory: 1024, NanoCpus: 500_000_000, PidsLimit: 256 },
  NetworkSettings: { Networks: { net: { IPAddress: '172.20.0.2' } } },
  Mounts: [{ Type: 'volume', Source: '/var/lib/docker/volumes/v/_data', Destination: '/run/errand' }],
}

test('a running container has both endpoints, its pid and its limits', () => {
  assert.deepEqual(toView(RUNNING, 'net'), {
    name: 'errand-1',
    id: 'abc',
    labels: { 'dev.errand.endpoint': '8080' },
    state: 'running',
    exit: undefined,
    tcp: { host: '172.20.0.2', port: 8080 },
    unix: { unixPath: '/var/lib/docker/volumes/v/_data/task.sock' },
    pid: 42,
    limits: { cpuMillis: 500, memoryBytes: 1024, pids: 256 },
  })
})

test('a container that ended, in whatever words, has an exit and no endpoint', () => {
  for (const Status of ['exited', 'dead', 'removing']) {
    const State = { Status, Pid: 0, ExitCode: 137, OOMKilled: true }
    const view = toView({ ...RUNNING, State }, 'net')
    assert.deepEqual(
      { state: view.state, exit: view.exit, tcp: view.tcp, unix: view.unix, pid: view.pid },
      {
        state: 'exited',
        exit: { exitCode: 137, isOomKilled: true },
        tcp: undefined,
        unix: undefined,
        pid: undefined,
      },
    )
  }
})

test('an address on another network, or a port that is not said, gives no endpoint', () => {
  assert.equal(toView(RUNNING, 'other').tcp, undefined)
  assert.equal(toView({ ...RUNNING, Config: { Labels: {} } }, 'net').tcp, undefined)
})

test('a folder that an image brings itself is not taken for the socket volume', () => {
  const Mounts = [{ Type: 'bind', Source: '/etc', Destination: '/run/errand' }]
  assert.equal(toView({ ...RUNNING, Mounts }, 'net').unix, undefined)
})

test('a container that lost its name in a broken removal is listed under its id', () => {
  assert.deepEqual(toListing({ Id: 'abc', Names: [], Labels: {} }), { name: 'abc', id: 'abc', labels: {} })
})
