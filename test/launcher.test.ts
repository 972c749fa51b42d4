import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'

const LAUNCHER = join(import.meta.dirname, '../bin/errand')
const HOST_TOOLS = ['sh', 'dirname', 'readlink']

interface Outcome {
  readonly status: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A folder that looks like an installation, with a PATH on which there is no Node.js unless the test adds one. */
class Installation implements AsyncDisposable {
  readonly root: string
  readonly #tools: string

  private constructor(root: string) {
    this.root = root
    this.#tools = join(root, 'tools')
  }

  static async create(main: 'src/cli/main.ts' | 'dist/cli/main.js'): Promise<Installation> {
    const installation = new Installation(await realpath(await mkdtemp(join(tmpdir(), 'errand-launcher-'))))
    await installation.#write('bin/errand', '')
    await copyFile(LAUNCHER, join(installation.root, 'bin/errand'))
    await installation.#write(main, '')
    await mkdir(installation.#tools)
    for (const tool of HOST_TOOLS) await symlink(`/usr/bin/${tool}`, join(installation.#tools, tool))
    return installation
  }

  /** Puts a program in place that says `version` to `-v`, and its own name and arguments to everything else. */
  async addNode(path: string, version: string): Promise<string> {
    await this.#write(path, `#!/bin/sh\nif [ "$1" = -v ]; then echo ${version}; else echo "${path} $*"; fi\n`)
    return join(this.root, path)
  }

  async run(args: readonly string[], env: Record<string, string> = {}, launcher = 'bin/errand'): Promise<Outcome> {
    const options = { env: { PATH: this.#tools, ...env }, timeout: 30_000, cwd: tmpdir() }
    return new Promise((resolve) => {
      execFile(join(this.root, launcher), args, options, (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : error.code, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() })
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true })
  }

  async #write(path: string, text: string): Promise<void> {
    const file = join(this.root, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    await chmod(file, 0o755)
  }
}

describe('launcher', () => {
  it('runs the TypeScript of a checkout with the Node.js of its node_modules', async () => {
    await using checkout = await Installation.create('src/cli/main.ts')
    await checkout.addNode('node_modules/.bin/node', 'v24.15.0')
    await checkout.addNode('tools/node', 'v26.0.0')
    const { stdout } = await checkout.run(['explain', '--config', 'a b'])
    assert.equal(stdout, `node_modules/.bin/node -- ${checkout.root}/src/cli/main.ts explain --config a b`)
  })

  it('runs the compiled code of the package with the Node.js in PATH', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    await installed.addNode('tools/node', 'v26.0.0')
    const { stdout } = await installed.run(['version'])
    assert.equal(stdout, `tools/node -- ${installed.root}/dist/cli/main.js version`)
  })

  it('keeps the options of a task from Node.js, which would take --env-file for its own', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    await writeFile(join(installed.root, 'dist/cli/main.js'), 'console.log(process.argv.slice(2).join(" "))')
    const { status, stdout } = await installed.run(['exec', 'id', 'prog', '--env-file=nope'], {
      ERRAND_NODE: process.execPath,
    })
    assert.deepEqual([status, stdout], [0, 'exec id prog --env-file=nope'])
  })

  it('finds its installation through a chain of links', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    await installed.addNode('tools/node', 'v24.15.0')
    await symlink('bin/errand', join(installed.root, 'first'))
    await symlink(join(installed.root, 'first'), join(installed.root, 'tools/second'))
    const { stdout } = await installed.run([], {}, 'tools/second')
    assert.equal(stdout, `tools/node -- ${installed.root}/dist/cli/main.js`)
  })

  it('prefers the Node.js that ERRAND_NODE names', async () => {
    await using checkout = await Installation.create('src/cli/main.ts')
    await checkout.addNode('node_modules/.bin/node', 'v24.20.0')
    const named = await checkout.addNode('named/node', 'v24.15.0')
    const { stdout } = await checkout.run([], { ERRAND_NODE: named })
    assert.equal(stdout, `named/node -- ${checkout.root}/src/cli/main.ts`)
  })

  it('refuses an ERRAND_NODE that is too old, although another would do', async () => {
    await using checkout = await Installation.create('src/cli/main.ts')
    await checkout.addNode('node_modules/.bin/node', 'v24.20.0')
    const named = await checkout.addNode('named/node', 'v24.14.9')
    const { status, stderr } = await checkout.run([], { ERRAND_NODE: named })
    assert.equal(status, 78)
    assert.equal(stderr, `errand: needs Node.js >= 24.15; ERRAND_NODE names ${named}, which is v24.14.9`)
  })

  it('refuses an ERRAND_NODE that is not there or is no Node.js', async () => {
    await using checkout = await Installation.create('src/cli/main.ts')
    const missing = await checkout.run([], { ERRAND_NODE: '/nowhere/node' })
    assert.equal(missing.status, 78)
    assert.equal(missing.stderr, 'errand: ERRAND_NODE names /nowhere/node, which cannot be executed')
    const other = await checkout.run([], { ERRAND_NODE: await checkout.addNode('named/node', '') })
    assert.match(other.stderr, /which is no Node\.js$/)
  })

  it('passes over a Node.js of node_modules that is too old', async () => {
    await using checkout = await Installation.create('src/cli/main.ts')
    await checkout.addNode('node_modules/.bin/node', 'v22.1.0')
    await checkout.addNode('tools/node', 'v25.0.0')
    assert.match((await checkout.run([])).stdout, /^tools\/node /)
  })

  it('lets a daemon, and nothing else, give memory back', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    await installed.addNode('tools/node', 'v24.15.0')
    const main = `${installed.root}/dist/cli/main.js`
    const { stdout } = await installed.run(['serve', '--cpu', '2'])
    assert.equal(stdout, `tools/node --expose-gc --no-node-snapshot --heap-growing-percent=30 -- ${main} serve --cpu 2`)
    assert.equal((await installed.run(['config', 'serve'])).stdout, `tools/node -- ${main} config serve`)
  })

  it('has the C library give memory back, unless the environment says otherwise', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    const node = await installed.addNode('tools/node', 'v24.15.0')
    const shown = 'echo $MALLOC_ARENA_MAX $MALLOC_TRIM_THRESHOLD_'
    await writeFile(node, `#!/bin/sh\nif [ "$1" = -v ]; then echo v24.15.0; else ${shown}; fi\n`)
    assert.equal((await installed.run([])).stdout, '2 1048576')
    assert.equal((await installed.run([], { MALLOC_ARENA_MAX: '8' })).stdout, '8 1048576')
  })

  it('says which Node.js it needs and which it found', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    const none = await installed.run([])
    assert.equal(none.status, 69)
    assert.equal(none.stderr, 'errand: needs Node.js >= 24.15 and found no Node.js in PATH. Name one in ERRAND_NODE')
    await installed.addNode('tools/node', 'v20.20.2')
    assert.match((await installed.run([])).stderr, /found v20\.20\.2 in PATH/)
  })

  it('points a checkout without a fitting Node.js to npm ci', async () => {
    await using checkout = await Installation.create('src/cli/main.ts')
    const { status, stderr } = await checkout.run([])
    assert.equal(status, 69)
    assert.match(stderr, /or run npm ci in this checkout/)
  })

  it('says when there is nothing to start', async () => {
    await using installed = await Installation.create('dist/cli/main.js')
    await rm(join(installed.root, 'dist'), { recursive: true })
    const { status, stderr } = await installed.run([])
    assert.equal(status, 69)
    assert.match(stderr, /main\.js is missing: this installation is incomplete$/)
  })
})
