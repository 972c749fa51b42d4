import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import { explain } from './explain.ts'
import type { ConfigFlags } from './flags.ts'
import { loadConfig } from './load.ts'
import { load, type TestHostOptions, testHost } from './test-host.fixture.ts'

const FILE = '/etc/errand/errand.yaml'

function originOf(key: string, options: TestHostOptions, flags: ConfigFlags = {}): string | undefined {
  return explain(loadConfig(flags, testHost(options)).values).find((row) => row.key === key)?.origin
}

test('flags win over environment, environment over file, file over defaults, key by key', () => {
  const options = {
    files: { [FILE]: 'cpu: 1\nmem: 1000\ntimeout: 2\n' },
    environment: { ERRAND_CPU: '2', ERRAND_MEM: '2000' },
  }
  const { grant } = load(options, { cpu: '3' })
  assert.deepEqual([grant.cpuMillis, grant.memoryBytes, grant.keepAliveMs], [3000, 2000 * MIB, 120_000])
  assert.equal(originOf('cpu', options, { cpu: '3' }), 'flag --cpu')
  assert.equal(originOf('mem', options), 'environment ERRAND_MEM')
  assert.equal(originOf('timeout', options), `${FILE}:3`)
  assert.equal(originOf('has_gpu', options), 'default')
})

test('the file is named by the flag, else by ERRAND_CONFIG, else it is the first usual one that is there', () => {
  const files = { '/a': 'cpu: 1', '/b': 'cpu: 2', '/app/mecanywhere_executor.yaml': 'cpu: 3', [FILE]: 'cpu: 4' }
  const environment = { ERRAND_CONFIG: '/b' }
  assert.equal(originOf('cpu', { files, environment }, { config: '/a' }), '/a:1')
  assert.equal(originOf('cpu', { files, environment }), '/b:1')
  assert.equal(originOf('cpu', { files }), '/app/mecanywhere_executor.yaml:1')
  assert.equal(originOf('cpu', { files: { [FILE]: 'cpu: 4' } }), `${FILE}:1`)
})

test('an empty file, empty sections and comments say nothing', () => {
  for (const text of ['', '\n# nothing\n', '---\n', '{}', 'tasks:\n  # startTimeoutMs: 5\nlog: {}\n']) {
    assert.deepEqual(load({ files: { [FILE]: text } }), load(), JSON.stringify(text))
  }
})

test('every way to write a value from text works', () => {
  const { tasks, log, isolation, listeners } = load(
    {},
    {
      logLevel: 'warn',
      listen: ['127.0.0.1:1', '[::1]:2'],
      set: [
        'tasks.concurrency=7',
        'tasks.maxRequestBytes=2048',
        'tasks.readyMark=a=b',
        'log.access=true',
        'isolation.runtimes={kata: {allowUnenforced: true}}',
      ],
    },
  )
  assert.deepEqual(
    [tasks.concurrency, tasks.maxRequestBytes, tasks.readiness],
    [7, 2048, { kind: 'mark', mark: 'a=b' }],
  )
  assert.deepEqual(log, { level: 'warn', hasAccessLog: true })
  assert.deepEqual([...isolation.allowUnenforced], ['kata'])
  assert.deepEqual(
    listeners.map(({ address }) => address),
    [
      { host: '127.0.0.1', port: 1 },
      { host: '::1', port: 2 },
    ],
  )
})

test('ERRAND_LISTEN is a list with commas, ERRAND_NODE_NAME the name, and an empty variable is not set', () => {
  const environment = {
    ERRAND_LISTEN: '127.0.0.1:1, unix:/s',
    ERRAND_NODE_NAME: 'n1',
    ERRAND_NODE: '/bin/node',
    ERRAND_CPU: '',
  }
  const { listeners, node, grant } = load({ environment })
  assert.deepEqual(
    listeners.map(({ address }) => address),
    [{ host: '127.0.0.1', port: 1 }, { unixPath: '/s' }],
  )
  assert.deepEqual([node, grant.cpuMillis], ['n1', 4000])
})

test('variables of others are left alone, and so are those of Errand that are no keys', () => {
  const environment = { PATH: '/bin', ERRANDS: 'x', ERRAND_SOCKET: '/s', ERRAND_FAULT: '', ERRAND_NODE: '/n' }
  assert.deepEqual(load({ environment }), load())
})

test('users other than root get their own folders, by XDG where it is set', () => {
  const own = load({ isRoot: false })
  assert.deepEqual([own.stateDir, own.runDir], ['/home/ann/.local/state/errand', '/home/ann/.local/state/errand/run'])
  const xdg = load({ isRoot: false, environment: { XDG_STATE_HOME: '/x/state/', XDG_RUNTIME_DIR: '/run/user/7' } })
  assert.deepEqual([xdg.stateDir, xdg.runDir], ['/x/state/errand', '/run/user/7/errand'])
  assert.equal(load({ isRoot: false, environment: { XDG_STATE_HOME: 'relative' } }).stateDir, own.stateDir)
})

test('the default socket is in runDir, wherever that comes from', () => {
  const [, socket] = load({ environment: { ERRAND_RUN_DIR: '/tmp/r/' } }).listeners
  assert.deepEqual(socket?.address, { unixPath: '/tmp/r/errand.sock' })
})

test('the name of the host is made into a node name', () => {
  const names = [
    ['Edge_Box.lab.example', 'edge-box-lab-example'],
    ['--x', 'x'],
    ['a'.repeat(40), 'a'.repeat(30)],
    [`${'a'.repeat(29)}.b`, 'a'.repeat(29)],
    ['...', 'node'],
    ['', 'node'],
  ] as const
  for (const [hostName, node] of names) assert.equal(load({ hostName }).node, node)
})

test('anchors and aliases mean what they mean in YAML', () => {
  const text = 'listen: [&a "127.0.0.1:1"]\ndocker: &d { network: *a }\nnode: n\n'
  assert.throws(() => load({ files: { [FILE]: text } }), /errand\.yaml:2: docker\.network: must be/)
  const { tasks } = load({ files: { [FILE]: 'tasks: { startTimeoutMs: &t 5, queueTimeoutMs: *t }' } })
  assert.deepEqual([tasks.startTimeoutMs, tasks.queueTimeoutMs], [5, 5])
})
