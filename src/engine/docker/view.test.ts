import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerAnswer } from './answers/containers.ts'
import { toListing, toView } from './view.ts'

const RUNNING: ContainerAnswer = {
  Id: 'abc',
  Name: '/errand-1',
  State: { Status: 'running', Pid: 42, ExitCode: 0, OOMKilled: false },
  Config: { Labels: { 'dev.errand.endpoint': '8080' } },
  HostConfig: { Memory: 1024, NanoCpus: 500_000_000, PidsLimit: 256, NetworkMode: 'net' },
  NetworkSettings: { Networks: { net: { IPAddress: '172.20.0.2', Gateway: '172.20.0.1' } }, Ports: {} },
  Mounts: [{ Type: 'volume', Source: '/var/lib/docker/volumes/v/_data', Destination: '/run/errand' }],
}

test('a running container has both endpoints, its pid and its limits', () => {
  assert.deepEqual(toView(RUNNING), {
    name: 'errand-1',
    id: 'abc',
    labels: { 'dev.errand.endpoint': '8080' },
    state: 'running',
    exit: undefined,
    tcp: { host: '172.20.0.2', port: 8080 },
    unix: { unixPath: '/var/lib/docker/volumes/v/_data/task.sock' },
    pid: 42,
    net: { ipAddress: '172.20.0.2', gateway: '172.20.0.1', ports: [] },
    limits: { cpuMillis: 500, memoryBytes: 1024, pids: 256 },
  })
})

test('a container that ended, in whatever words, has an exit and no endpoint', () => {
  for (const Status of ['exited', 'dead', 'removing']) {
    const State = { Status, Pid: 0, ExitCode: 137, OOMKilled: true }
    const view = toView({ ...RUNNING, State })
    assert.deepEqual(
      { state: view.state, exit: view.exit, tcp: view.tcp, unix: view.unix, pid: view.pid, net: view.net },
      {
        state: 'exited',
        exit: { exitCode: 137, isOomKilled: true },
        tcp: undefined,
        unix: undefined,
        pid: undefined,
        net: undefined,
      },
    )
  }
})

function withNetwork(NetworkMode: string, IPAddress = '172.20.0.2'): ContainerAnswer {
  const HostConfig = { ...RUNNING.HostConfig, NetworkMode }
  const net = { IPAddress, Gateway: '' }
  return { ...RUNNING, HostConfig, NetworkSettings: { Networks: { net }, Ports: {} } }
}

test('an address on another network than its own, or none, gives no endpoint', () => {
  assert.ok(toView(withNetwork('net')).tcp)
  for (const view of [toView(withNetwork('other')), toView(withNetwork('net', ''))]) {
    assert.deepEqual([view.tcp, view.net], [undefined, undefined])
  }
})

test('a port that is not said, or that an image says, gives no endpoint', () => {
  for (const labels of [{}, { 'dev.errand.endpoint': '' }]) {
    const view = toView({ ...RUNNING, Config: { Labels: labels } })
    assert.equal(view.tcp, undefined)
    assert.ok(view.net)
  }
})

test('ports are told as they were bound, once for both families, and those that lead nowhere are not', () => {
  const Ports = {
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '32768' },
      { HostIp: '::', HostPort: '32768' },
    ],
    '53/udp': [
      { HostIp: '127.0.0.1', HostPort: '5353' },
      { HostIp: '::1', HostPort: '5353' },
    ],
    '22/tcp': null,
    '9/sctp': [{ HostIp: '0.0.0.0', HostPort: '9' }],
  }
  const view = toView({ ...RUNNING, NetworkSettings: { ...RUNNING.NetworkSettings, Ports } })
  assert.deepEqual(view.net?.ports, [
    { protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 32768, port: 80 },
    { protocol: 'udp', hostIp: '127.0.0.1', hostPort: 5353, port: 53 },
    { protocol: 'udp', hostIp: '::1', hostPort: 5353, port: 53 },
  ])
})

test('a folder that an image brings itself is not taken for the socket volume', () => {
  const Mounts = [{ Type: 'bind', Source: '/etc', Destination: '/run/errand' }]
  assert.equal(toView({ ...RUNNING, Mounts }).unix, undefined)
})

test('a container that lost its name in a broken removal is listed under its id', () => {
  assert.deepEqual(toListing({ Id: 'abc', Names: [], Labels: {}, State: 'dead' }), {
    name: 'abc',
    id: 'abc',
    labels: {},
    state: 'exited',
  })
})
