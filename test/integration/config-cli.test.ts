import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { thisHost } from '../../src/daemon/config/host.ts'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { testHost } from '../../src/daemon/config/test-host.fixture.ts'
import { StateFolder } from '../../src/service/state-folder.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const EXAMPLE = join(ROOT, 'examples', 'mecanywhere_executor.yaml')

describe('errand as a process', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-cli-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  test('a result that cannot be written ends with 74, and stderr says why, whatever the command', async () => {
    await using full = await open('/dev/full', 'w')
    for (const args of [['version'], ['config', 'explain', '--json'], ['help']]) {
      const { status, stderr } = await errand(args, {}, full)
      assert.deepEqual([status, stderr.match(/ENOSPC/g)?.length], [74, 1], `${args[0]}: ${stderr}`)
      assert.match(stderr, /^errand: the result cannot be written: .*\n$/)
    }
  })

  test('F13: serve with a broken file ends with 78, names file, line and key, and touches nothing', async () => {
    const file = join(folder, 'errand.yaml')
    await writeFile(file, '# mine\ncpu: 2\ntasks:\n  startTimeout: 5\n')
    const stateDir = join(folder, 'state')
    const { status, stderr } = await errand(['serve', '--config', file, '--state-dir', stateDir, '--mem', '1'])
    assert.equal(status, 78)
    assert.equal(
      stderr,
      `${file}:4: tasks.startTimeout: is not a known key; the nearest is tasks.startTimeoutMs\n` +
        'flag --mem: mem: must be a whole number of MB from 6 up, not 1\n',
    )
    assert.deepEqual(await readdir(folder), ['errand.yaml'])
  })

  test('serve on the state folder of another daemon ends with 75 and names its process', async () => {
    const stateDir = join(folder, 'state')
    await using _first = await StateFolder.open(stateDir)
    const { status, stderr } = await errand(serveIn(folder))
    assert.match(
      stderr,
      new RegExp(`^errand: the state folder ${stateDir} is in use by process ${process.pid} on .+\n$`),
    )
    assert.equal(status, 75)
  })

  test('serve without an engine ends with 69 and one sentence', async () => {
    const { status, stderr } = await errand([...serveIn(folder), '--docker-host', `unix://${join(folder, 'no.sock')}`])
    assert.equal(status, 69, stderr)
    assert.match(stderr, /^errand: [^\n]+\n$/)
  })

  test('config explain reads the environment of the process', async () => {
    const { status, stdout } = await errand(['config', 'explain', '--json'], {
      ERRAND_CPU: '3',
      ERRAND_CONFIG: EXAMPLE,
    })
    assert.equal(status, 0)
    const rows: { key: string; value: unknown; origin: string }[] = JSON.parse(stdout)
    assert.deepEqual(
      rows.find(({ key }) => key === 'cpu'),
      { key: 'cpu', value: 3, origin: 'environment ERRAND_CPU' },
    )
    assert.ok(rows.find(({ key }) => key === 'mem')?.origin.startsWith(`${EXAMPLE}:`))
  })

  test("a first SIGTERM lets a daemon stop, a second one ends the process at once with the signal's status", async () => {
    for (const [signals, status] of [
      [1, 0],
      [2, 143],
    ] as const) {
      const child = serveFake(signals === 2)
      const ended = once(child, 'close')
      for (let sent = 0; sent < signals; sent++) {
        if (child.stdout !== null) await once(child.stdout, 'data') // it serves; it was asked to stop
        child.kill('SIGTERM')
      }
      assert.deepEqual(await ended, [status, null])
    }
  })
})

test('the example of a MECAnywhere configuration loads with the values of the original', () => {
  const { config, values } = loadConfig(
    { config: EXAMPLE },
    { ...testHost(), readText: (path) => thisHost().readText(path) },
  )
  assert.deepEqual(config.grant, {
    cpuMillis: 4000,
    memoryBytes: 4096 * MIB,
    keepAliveMs: 60_000,
    hasGpu: false,
    microVmRuntime: 'kata',
  })
  assert.deepEqual(config.sgx, { isEnabled: false, devicePath: '/dev/sgx_enclave', aesmdPath: '/var/run/aesmd' })
  const given = values.filter(({ origin }) => origin.kind === 'file').map(({ key }) => key)
  const seed = ['type', 'timeout', 'cpu', 'mem', 'has_gpu', 'microVM_runtime']
  assert.deepEqual(given, [...seed, 'sgx.enable', 'sgx.sgx_device', 'sgx.aesmd_path'])
})

/** Everything a daemon writes goes below `folder`. */
function serveIn(folder: string): string[] {
  return ['serve', '--state-dir', join(folder, 'state'), '--run-dir', join(folder, 'run'), '--listen', '127.0.0.1:0']
}

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `to`: a file for its results, in place of what is told in the end. */
async function errand(
  args: readonly string[],
  environment: Record<string, string> = {},
  to?: FileHandle,
): Promise<Ended> {
  const child = spawn(join(ROOT, 'bin', 'errand'), args, {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', to?.fd ?? 'pipe', 'pipe'],
  })
  const ended = once(child, 'close')
  assert.ok(child.stderr !== null)
  const [stdout, stderr] = await Promise.all([child.stdout === null ? '' : text(child.stdout), text(child.stderr)])
  const [status] = await ended
  return { status, stdout, stderr }
}

/** Serves with a daemon that prints a line when it is opened and when it is asked to stop, which it may never do. */
const FAKE = `
  const [serve, terminal, isStuck] = process.argv.slice(1)
  const { thisTerminal } = await import(terminal)
  const alive = setInterval(() => {}, 60_000)
  const { promise: stopped, resolve } = Promise.withResolvers()
  const stop = async () => {
    console.log('asked')
    if (isStuck !== 'true') resolve()
    await stopped
    clearInterval(alive)
  }
  const open = async () => {
    console.log('opened')
    return { stopped, stop, [Symbol.asyncDispose]: stop }
  }
  process.exitCode = await (await import(serve)).serve({ logLevel: 'error' }, open, thisTerminal())
`

function serveFake(isStuck: boolean): ChildProcess {
  const modules = ['serve.ts', 'terminal.ts'].map((name) => join(ROOT, 'src', 'cli', name))
  return spawn(process.execPath, ['--input-type=module', '--eval', FAKE, ...modules, String(isStuck)], {
    env: { PATH: process.env.PATH, ERRAND_CONFIG: '/dev/null' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
