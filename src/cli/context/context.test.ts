import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { ConfigHost } from '../../daemon/config/host.ts'
import { type TestHostOptions, testHost } from '../../daemon/config/test-host.fixture.ts'
import { runCommand } from '../program.ts'
import { testTerminal } from '../test-terminal.fixture.ts'
import { type ContextFlags, resolveContext } from './resolve-context.ts'

describe('errand context', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-context-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  function options({ environment, ...others }: TestHostOptions = {}): TestHostOptions {
    return { ...others, environment: { XDG_CONFIG_HOME: folder, ...environment } }
  }

  async function errand(
    line: string,
    host: TestHostOptions = {},
  ): Promise<{ status: number; stdout: string; stderr: string }> {
    const terminal = testTerminal(options(host))
    const status = await runCommand(line.split(' '), () => Promise.reject(new Error('no daemon is opened')), terminal)
    return { status, ...terminal.printed }
  }

  function find(flags: ContextFlags = {}, host: TestHostOptions = {}) {
    return resolveContext(flags, testHost(options(host)) satisfies ConfigHost)
  }

  test('the authority of a daemon is told where one is named', async () => {
    await errand('context create lab --url https://lab:2592 --ca /ca.pem')
    await errand('context create near --url unix:///n.sock')
    assert.match((await errand('context list')).stdout, /^NAME .* CA FILE\nlab \* .* \/ca\.pem\nnear .* -\n$/)
    assert.match((await errand('context show')).stdout, /^FROM .* CA FILE\ncontext lab .* \/ca\.pem\n$/)
  })

  test('a context is created, used, listed and removed, in a file for its user alone', async () => {
    assert.equal((await errand('context create lab --url https://lab:2592 --token-file /t/lab')).status, 0)
    assert.equal((await errand('context create near --url unix:///n.sock')).status, 0)
    const { mode } = await stat(join(folder, 'errand', 'contexts.json'))
    assert.equal(mode & 0o777, 0o600)
    assert.equal(
      (await errand('context list')).stdout,
      'NAME    URL                TOKEN FILE\nlab *   https://lab:2592   /t/lab\nnear    unix:///n.sock     -\n',
    )
    assert.equal((await errand('context use near')).status, 0)
    assert.deepEqual(JSON.parse((await errand('context ls --json')).stdout), [
      { name: 'lab', isCurrent: false, url: 'https://lab:2592', tokenFile: '/t/lab' },
      { name: 'near', isCurrent: true, url: 'unix:///n.sock' },
    ])
    assert.deepEqual(await find(), { url: 'unix:///n.sock', origin: 'context near' })
    assert.equal((await errand('context rm near')).status, 0)
    assert.equal((await find()).origin, 'default')
    assert.deepEqual(JSON.parse(await readFile(join(folder, 'errand', 'contexts.json'), 'utf8')), {
      contexts: { lab: { url: 'https://lab:2592', tokenFile: '/t/lab' } },
    })
  })

  test('the first context is used; a relative token file is one of the folder that it was named in', async () => {
    await errand('context create lab --url https://lab:2592 --token-file token')
    assert.deepEqual(await find(), { url: 'https://lab:2592', tokenFile: resolve('token'), origin: 'context lab' })
  })

  test('a flag wins over a variable, which wins over the context in use', async () => {
    await errand('context create lab --url https://lab:2592 --token-file /t/lab')
    const environment = { ERRAND_HOST: 'http://127.0.0.1:1', ERRAND_TOKEN_FILE: '/t/env' }
    assert.deepEqual(await find({ host: 'unix:///f.sock', tokenFile: '/t/flag' }, { environment }), {
      url: 'unix:///f.sock',
      tokenFile: '/t/flag',
      origin: 'flag --host',
    })
    assert.deepEqual(await find({}, { environment }), {
      url: 'http://127.0.0.1:1',
      tokenFile: '/t/env',
      origin: 'environment ERRAND_HOST',
    })
    assert.equal((await find({ context: 'lab' }, { environment })).url, 'https://lab:2592')
    assert.equal((await find({}, { environment: { ERRAND_HOST: '', ERRAND_TOKEN_FILE: '' } })).origin, 'context lab')
    assert.match((await errand('context show --host unix:///f.sock')).stdout, /^flag --host +unix:\/\/\/f.sock +-$/m)
  })

  test('who may vouch for a daemon is said by a flag, a variable or the context', async () => {
    await errand('context create lab --url https://lab:2592 --ca ca.pem')
    assert.deepEqual(await find(), { url: 'https://lab:2592', caFile: resolve('ca.pem'), origin: 'context lab' })
    const environment = { ERRAND_CA_FILE: '/env.pem' }
    assert.equal((await find({}, { environment })).caFile, '/env.pem')
    assert.equal((await find({ ca: '/flag.pem' }, { environment })).caFile, '/flag.pem')
    assert.equal((await find({ host: 'https://other:1' })).caFile, undefined)
  })

  test('the variables of clients are none of the daemon, and do not stop it', async () => {
    const environment = { ERRAND_HOST: 'http://127.0.0.1:1', ERRAND_TOKEN_FILE: '/t/env', ERRAND_CA_FILE: '/t/ca' }
    assert.equal((await errand('config explain', { environment })).status, 0)
  })

  test("a context's token goes to that context's address alone", async () => {
    await errand('context create lab --url https://lab:2592 --token-file /t/lab')
    assert.equal((await find({ host: 'https://other:1' })).tokenFile, undefined)
    assert.equal((await find({}, { environment: { ERRAND_HOST: 'https://other:1' } })).tokenFile, undefined)
  })

  test("without any of them it is this machine's own socket, as the configuration has it", async () => {
    assert.equal((await find()).url, 'unix:///run/errand/errand.sock')
    assert.equal((await find({}, { environment: { ERRAND_RUN_DIR: '/r' } })).url, 'unix:///r/errand.sock')
    const files = { '/etc/errand/errand.yaml': 'listen: ["unix:/other.sock"]' }
    assert.equal((await find({}, { files })).url, 'unix:///other.sock')
    assert.equal(
      (await find({}, { files: { '/etc/errand/errand.yaml': 'cpu: 0' } })).url,
      'unix:///run/errand/errand.sock',
    )
  })

  test("a user other than root talks to a daemon of his own, else to the machine's", async () => {
    const environment = { XDG_RUNTIME_DIR: '/run/user/7' }
    const at = async (...sockets: string[]) =>
      (await find({}, { isRoot: false, environment, files: Object.fromEntries(sockets.map((path) => [path, ''])) })).url
    const [own, root] = ['/run/user/7/errand/errand.sock', '/run/errand/errand.sock']
    assert.equal(await at(), `unix://${own}`)
    assert.equal(await at(root), `unix://${root}`)
    assert.equal(await at(own, root), `unix://${own}`)
  })

  test('what makes no sense is refused, and nothing is kept of it', async () => {
    await errand('context create lab --url https://lab:2592')
    const cases: [string, number, RegExp][] = [
      ['context create lab --url https://lab:1', 73, /there is a context lab already/],
      ['context create Lab --url https://lab:1', 65, /cannot be a name/],
      ['context create x --url ftp://lab', 65, /must be unix:/],
      ['context create x --url https://me:secret@lab', 65, /no credentials/],
      ['context create x', 64, /--url/],
      ['context use no', 66, /no context "no"/],
      ['context use constructor', 66, /no context/],
      ['context rm no', 66, /no context "no"/],
      ['context show --context lab --host unix:///x', 65, /give one of them/],
      ['context show --host nonsense', 65, /must be unix:/],
    ]
    for (const [line, status, words] of cases) {
      const ended = await errand(line)
      assert.equal(ended.status, status, line)
      assert.match(ended.stderr, words)
      assert.equal(ended.stdout, '')
    }
    assert.equal(JSON.parse((await errand('context list --json')).stdout).length, 1)
  })

  test('a file that others can write, or that is damaged, is not believed', async () => {
    await errand('context create lab --url https://lab:2592')
    const file = join(folder, 'errand', 'contexts.json')
    await chmod(file, 0o622)
    await assert.rejects(find(), { code: 'forbidden', message: /chmod 600/ })
    await chmod(file, 0o600)
    for (const text of ['{', '[]', '{"contexts":{},"current":"gone"}', '{"contexts":{"a":{}}}']) {
      await writeFile(file, text)
      await assert.rejects(find(), { code: 'validation_failed', message: /damaged/ })
    }
    assert.equal((await find({ host: 'unix:///x' })).url, 'unix:///x')
  })

  test('a token that would go in the clear is warned of', async () => {
    const warned = async (url: string) =>
      (await errand(`context create c${url.length} --url ${url} --token-file /t`)).stderr
    assert.match(await warned('http://lab.example:2591'), /can be read on the way/)
    assert.equal(await warned('http://127.0.0.1:2591'), '')
    assert.equal(await warned('https://lab:2591'), '')
  })

  test('help has examples and fits 80 columns', async () => {
    for (const command of ['create', 'use', 'list', 'show', 'rm']) {
      const { status, stdout } = await errand(`context ${command} --help`)
      assert.equal(status, 0)
      assert.match(stdout, /Examples:/)
      for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
    }
  })
})
