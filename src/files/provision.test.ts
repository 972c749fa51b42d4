import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ProvisionScript } from '../core/provision-script.ts'
import { refusesField } from '../core/refused-field.fixture.ts'
import { makePlace } from './place.fixture.ts'
import { checkProvision, provisionFailure, writeProvision } from './provision.ts'

describe('provision scripts', () => {
  it('have names that are plain words, each once', () => {
    const hostile = [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      '/a',
      '-rf',
      '.hidden',
      'a b',
      'a\nb',
      'a\0',
      "a'b",
      'a"b',
      'a;b',
      '$(a)',
    ]
    for (const name of [...hostile, 'é', 'x'.repeat(64)]) refuses([{ name, content: '' }], 'provisionScripts.0.name')
    const twice = { name: 'setup.sh', content: '' }
    refuses([twice, twice], 'provisionScripts.1.name')
  })

  it('are of a reasonable number and size, with arguments that a process can have', () => {
    refuses([{ name: 'a', content: Buffer.alloc(1024 * 1024 + 1) }], 'provisionScripts.0.content')
    refuses([{ name: 'a', content: '', args: ['x', 'a\0b'] }], 'provisionScripts.0.args')
    refuses(
      Array.from({ length: 101 }, (_, index) => ({ name: `s${index}`, content: '' })),
      'provisionScripts',
    )
  })

  it('are written for everybody to read and execute, whatever the umask, and for nobody to write', async () => {
    await using place = await makePlace()
    const folder = join(place.path, 'provision')
    const mask = process.umask(0o077)
    try {
      const { mount } = await writeProvision(folder, [{ name: 'a.sh', content: Buffer.from('#!/bin/sh\n') }])
      assert.deepEqual(mount, { kind: 'bind', source: folder, target: '/errand/provision', isReadOnly: true })
    } finally {
      process.umask(mask)
    }
    const modes = ['', 'scripts', 'run', 'scripts/a.sh'].map(
      async (name) => (await stat(join(folder, name))).mode & 0o7777,
    )
    assert.deepEqual(await Promise.all(modes), [0o755, 0o755, 0o555, 0o555])
    assert.equal(await readFile(join(folder, 'scripts/a.sh'), 'utf8'), '#!/bin/sh\n')
  })

  it('run in order with their own arguments, and then the job with its own', async () => {
    const words = ['a b', "it's", '$HOME', '`id`', '$(id)', '', '*', '\\', '"', '-n', 'a\nb']
    const show = 'printf "%s|" "$(basename "$0")" "$@"; echo'
    const scripts = [
      { name: 'second', content: show, args: words },
      { name: 'first', content: `#!/bin/sh\n${show}` },
    ]
    const { stdout, code } = await run(scripts, ['sh', '-c', 'printf "%s|" "$@"', 'job', ...words])
    assert.deepEqual([stdout, code], [`second|${words.join('|')}|\nfirst|\n${words.join('|')}|`, 0])
  })

  it('leave the job its process id and its environment', async () => {
    const environment = { name: '1', code: '2', script: '3', PATH: '/usr/bin:/bin' }
    const job = [
      process.execPath,
      '-p',
      'JSON.stringify([process.pid, process.env.name, process.env.code, process.env.script])',
    ]
    const { stdout, pid } = await run([{ name: 'a', content: 'name=x; export name' }], job, environment)
    assert.deepEqual(JSON.parse(stdout), [pid, '1', '2', '3'])
  })

  it('are not gone on with after one that fails, whose exit code is that of all', async () => {
    const scripts = [
      { name: 'good', content: 'echo good' },
      { name: 'bad', content: 'echo bad; exit 7' },
      { name: 'never', content: 'echo never' },
    ]
    const { stdout, stderr, code } = await run(scripts, ['echo', 'job'])
    assert.deepEqual([stdout, code], ['good\nbad\n', 7])
    assert.equal(stderr, 'errand: provision script "bad" exited with 7\n')
    assert.deepEqual(provisionFailure(7, stderr), { script: 'bad', exitCode: 7 })
  })

  it('name an interpreter that is not there, or a signal, by the exit code that shells have for it', async () => {
    const missing = await run([{ name: 'a', content: '#!/no/such/interpreter\n' }], ['echo', 'job'])
    assert.deepEqual(provisionFailure(127, missing.stderr), { script: 'a', exitCode: 127 })
    const killed = await run([{ name: 'a', content: 'kill -9 $$' }], ['echo', 'job'])
    assert.deepEqual(provisionFailure(137, killed.stderr), { script: 'a', exitCode: 137 })
  })
})

describe('the failure of a provision script', () => {
  const line = 'errand: provision script "a" exited with 3'

  it('is the last line of stderr, with the exit code of the execution', () => {
    assert.deepEqual(provisionFailure(3, `before\n${line}\n`), { script: 'a', exitCode: 3 })
    for (const tail of ['', 'x', `${line}\nafter`, `x${line}`, `${line}x`, line.replace('3', '3000')]) {
      assert.equal(provisionFailure(3, tail), undefined, tail)
    }
    assert.equal(provisionFailure(4, line), undefined)
    assert.equal(provisionFailure(0, line.replace('3', '0')), undefined)
  })
})

function refuses(scripts: readonly ProvisionScript[], field: string): void {
  assert.throws(() => checkProvision(scripts), refusesField(field))
}

interface Run {
  readonly stdout: string
  readonly stderr: string
  readonly code: unknown
  readonly pid: number | undefined
}

/** On this host: the runner is told where the scripts are here. */
async function run(
  scripts: readonly ProvisionScript[],
  argv: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<Run> {
  await using place = await makePlace()
  const folder = join(place.path, 'provision')
  await writeProvision(folder, scripts)
  const runner = (await readFile(join(folder, 'run'), 'utf8')).replaceAll('/errand/provision', folder)
  return await new Promise((resolve) => {
    const child = execFile('/bin/sh', ['-c', runner, 'run', ...argv], { env }, (error, stdout, stderr) => {
      resolve({ stdout, stderr, code: error?.code ?? 0, pid: child.pid })
    })
  })
}
