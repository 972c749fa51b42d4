import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { Config } from '../daemon/config/config.ts'
import { assertFits } from './command-line.fixture.ts'
import { runCommand } from './program.ts'
import { type TestTerminalOptions, testTerminal } from './test-terminal.fixture.ts'

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** What a daemon was opened with. */
  readonly config: Config | undefined
}

async function run(args: readonly string[], options: TestTerminalOptions = {}): Promise<Ended> {
  const terminal = testTerminal(options)
  let opened: Config | undefined
  const status = await runCommand(
    args,
    async (config) => {
      opened = config
      return {
        stopped: Promise.resolve(),
        reload: async () => {},
        stop: async () => {},
        [Symbol.asyncDispose]: async () => {},
      }
    },
    terminal,
  )
  return { status, ...terminal.printed, config: opened }
}

test('serve takes every flag', async () => {
  const line =
    'serve --config /f --listen 127.0.0.1:1 unix:/s --state-dir /st --run-dir /r --node n --docker-host unix:///d.sock ' +
    '--cpu 2 --mem 64 --log-level error --set tasks.queueLimit=5 log.access=true --set timeout=3'
  const { status, config } = await run(line.split(' '), { files: { '/f': 'has_gpu: true' } })
  assert.equal(status, 0)
  assert.deepEqual(
    config?.listeners.map(({ address }) => address),
    [{ host: '127.0.0.1', port: 1 }, { unixPath: '/s' }],
  )
  assert.deepEqual(
    [config?.stateDir, config?.runDir, config?.node, config?.docker.socketPath],
    ['/st', '/r', 'n', '/d.sock'],
  )
  assert.deepEqual(config?.grant, {
    cpuMillis: 2000,
    memoryBytes: 64 * 1024 * 1024,
    keepAliveMs: 180_000,
    hasGpu: true,
    microVmRuntime: undefined,
  })
  assert.deepEqual([config?.log.level, config?.log.hasAccessLog, config?.tasks.queueLimit], ['error', true, 5])
})

test('config explain prints value and origin of each key, as lines or as JSON', async () => {
  const options = { environment: { ERRAND_TIMEOUT: '2' } }
  const lines = await run(['config', 'explain', '--cpu', '2'], options)
  assert.equal(lines.status, 0)
  assert.match(lines.stdout, /^cpu +2 +flag --cpu$/m)
  assert.match(lines.stdout, /^timeout +2 +environment ERRAND_TIMEOUT$/m)
  assert.match(lines.stdout, /^microVM_runtime +- +default$/m)
  assert.match(lines.stdout, /^listen +127\.0\.0\.1:2591, unix:\/run\/errand\/errand\.sock +default$/m)
  const json = await run(['config', 'explain', '--json'], options)
  const rows: { key: string }[] = JSON.parse(json.stdout)
  assert.deepEqual(
    rows.find(({ key }) => key === 'timeout'),
    { key: 'timeout', value: 2, origin: 'environment ERRAND_TIMEOUT' },
  )
})

test('config explain fits a terminal: long values are cut, and the origins stand below one another', async () => {
  const { stdout } = await run(['config', 'explain', '--set', `allowedHosts=[${'a'.repeat(60)}.example]`], {
    columns: 80,
  })
  const lines = assertFits(stdout, 80).trimEnd().split('\n')
  const [head = ''] = lines
  const at = head.indexOf('ORIGIN')
  for (const line of lines) assert.equal(line[at - 1], ' ', line)
  assert.match(stdout, /^allowedHosts +a+… +flag --set$/m)
})

test('config explain refuses what serve refuses', async () => {
  const { status, stdout, stderr } = await run(['config', 'explain', '--cpu', '0'])
  assert.deepEqual([status, stdout], [78, ''])
  assert.match(stderr, /^flag --cpu: cpu: must be /)
})

test('version prints the versions', async () => {
  assert.match((await run(['version'])).stdout, /^errand \d+\.\d+\.\d+ \(Node\.js v\d+\.\d+\.\d+\)\n$/)
  assert.match((await run(['--version'])).stdout, /^errand \d+\.\d+\.\d+\n$/)
})

test('a wrong command line ends with 64 and says why', async () => {
  for (const args of [['sreve'], ['serve', '--bogus'], ['serve', 'extra'], ['serve', '--cpu'], ['config', 'x'], []]) {
    const { status, stderr, config } = await run(args)
    assert.equal(status, 64, args.join(' '))
    assert.notEqual(stderr, '')
    assert.equal(config, undefined)
  }
})

test('what is no command is named, whatever it was asked of, in one line that begins as all of them', async () => {
  const lines: [string, RegExp][] = [
    ['nope', /^errand: unknown command 'nope'/],
    ['help nope', /^errand: unknown command 'nope': errand has serve, run, /],
    ['config help nope', /^errand: unknown command 'nope': errand config has /],
    ['tasks nope', /^errand: unknown command 'nope': errand tasks has put, /],
    ['instances rm x', /^errand: unknown command 'rm': errand instances has evict\n$/],
    ['config nope', /^errand: unknown command 'nope'/],
    ['inspect', /^errand: missing required argument/],
    ['ps extra', /^errand: too many arguments/],
  ]
  for (const [line, told] of lines) {
    const { status, stderr } = await run(line.split(' '))
    assert.equal(status, 64, line)
    assert.match(stderr, told)
    assert.ok(stderr.trimEnd().split('\n').length <= 2, stderr)
  }
  for (const line of ['help tasks', 'config help', 'help help']) {
    const { stdout, stderr } = await run(line.split(' '))
    assert.match(stdout + stderr, /Usage: /, line)
  }
})

/** What they print is for nobody but a shell, or a log. */
const NO_JSON = ['serve', 'completion']

/** The help of a command and of all below it. */
async function helps(...path: readonly string[]): Promise<{ path: string; text: string; hasBelow: boolean }[]> {
  const { status, stdout: text } = await run([...path, '--help'])
  assert.equal(status, 0)
  const [, list = ''] = text.split('\nCommands:\n')
  const below = [...list.matchAll(/^ {2}([a-z]+)/gm)].flatMap(([, name]) => (name === undefined ? [] : [name]))
  const names = below.filter((name) => name !== 'help' && name !== 'errand')
  const rest = await Promise.all(names.map((name) => helps(...path, name)))
  return [{ path: path.join(' '), text, hasBelow: names.length > 0 }, ...rest.flat()]
}

test('the help of every command has examples and fits 80 columns', async () => {
  const all = await helps()
  const paths = all.map(({ path }) => path)
  for (const path of ['', 'serve', 'config explain', 'tasks put', 'node set']) assert.ok(paths.includes(path), path)
  assert.ok(paths.length > 30)
  for (const { path, text, hasBelow } of all) {
    if (!hasBelow) assert.match(text, /\nExamples:\n {2}.*errand /, path)
    for (const line of text.split('\n')) assert.ok(line.length <= 80, `${path}: ${line}`)
    if (!hasBelow && !NO_JSON.includes(path)) assert.match(text, /^ {2}--json /m, path)
  }
  assert.match((await run(['help', 'serve'])).stdout, /Examples:/)
})

/** Prints the address of each module that is loaded, to stderr. */
const TELL_MODULES = `
  import { registerHooks } from 'node:module'
  import { writeSync } from 'node:fs'
  registerHooks({ load: (url, context, next) => { writeSync(2, url + '\\n'); return next(url, context) } })`

test('version loads nothing but the command line: no schemas, no database, no HTTP client', async () => {
  const main = join(import.meta.dirname, 'main.ts')
  const args = ['--import', `data:text/javascript,${encodeURIComponent(TELL_MODULES)}`, main, 'version']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
  assert.match(stdout, /^errand \d/)
  const modules = stderr.split('\n').filter((line) => line.startsWith('file:') || line.startsWith('node:'))
  const packages = modules.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  assert.deepEqual([...new Set(packages)], ['commander'])
  assert.ok(!modules.includes('node:sqlite') && modules.some((url) => url.endsWith('/cli/program.ts')))
})
