import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { before, describe, test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { type PackedPackage, packedPackage } from '../support/packed-package.ts'
import { Home } from '../support/serve-process.ts'
import { V1Client } from '../support/v1-client.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** A machine of which nothing is known but where its system's programs are. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const ENVIRONMENT = { PATH, ERRAND_NODE: process.execPath }
const MOST_PACKED_BYTES = 1024 * 1024
const MOST_UNPACKED_BYTES = 4 * 1024 * 1024

interface Manifest {
  readonly exports: Readonly<Record<string, { readonly types: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

describe('the package as npm packs and installs it', { timeout: 600_000 }, () => {
  let installed: PackedPackage
  let manifest: Manifest
  before(async () => {
    installed = await packedPackage()
    manifest = JSON.parse(await readFile(join(installed.root, 'package.json'), 'utf8'))
  })

  test('holds compiled code, types, the launcher and the pages of docs/: no sources, tests, fixtures or source maps', async () => {
    const paths = installed.packing.files.map(({ path }) => path)
    const compiled = paths.filter((path) => path.startsWith('dist/'))
    assert.deepEqual(
      compiled.filter((path) => !/\.(js|d\.ts)$/.test(path) || /\.(test|fixture)\./.test(path)),
      [],
    )
    assert.ok(compiled.includes('dist/cli/main.js') && compiled.includes('dist/daemon/embed.d.ts'))
    const others = paths.filter((path) => !path.startsWith('dist/'))
    const entries = await readdir(join(ROOT, 'docs'), { recursive: true, withFileTypes: true })
    const documents = entries.filter((entry) => entry.isFile())
    const inDocs = documents.map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)))
    const pages = ['CHANGELOG.md', 'LICENSE', 'README.md', ...inDocs]
    const deployment = ['deploy/Dockerfile', 'deploy/errand.service', 'deploy/mecanywhere_executor.yaml']
    assert.deepEqual(others.sort(), [...pages, ...deployment, 'bin/errand', 'package.json'].sort())
    assert.ok(installed.packing.size < MOST_PACKED_BYTES, `${installed.packing.size} bytes`)
    assert.ok(installed.packing.unpackedSize < MOST_UNPACKED_BYTES, `${installed.packing.unpackedSize} bytes`)
  })

  test('brings its dependencies, and none of those that only its development needs', async () => {
    const beside = new Set(await modulesIn(join(installed.folder, 'node_modules')))
    assert.deepEqual(
      Object.keys(manifest.dependencies).filter((name) => !beside.has(name)),
      [],
    )
    assert.deepEqual(
      Object.keys(manifest.devDependencies).filter((name) => beside.has(name)),
      [],
    )
    assert.deepEqual(
      [...beside].filter((name) => name.startsWith('node-linux-')),
      [],
    )
  })

  test('is run by npx', async () => {
    const under = Object.entries(ENVIRONMENT).map(([name, value]) => `${name}=${value}`)
    const printed = await run('env', [...under, 'npx', '--no-install', 'errand', 'version'], { cwd: installed.folder })
    assert.match(printed, new RegExp(`^errand \\d+\\.\\d+\\.\\d+ \\(Node\\.js ${process.version}\\)$`, 'm'))
  })

  test('can be imported by each of its names, and by no other', async () => {
    const names = Object.keys(manifest.exports).map((subpath) => subpath.replace(/^\./, 'errand'))
    assert.ok(names.length >= 6)
    const importAll = `
      for (const name of ${JSON.stringify(names)}) { await import(name); console.log(name) }
      console.log(await import('errand/dist/cli/main.js').catch((error) => error.code))`
    const printed = await run(process.execPath, ['--input-type=module', '--eval', importAll], { cwd: installed.folder })
    assert.deepEqual(printed.split('\n'), [...names, 'ERR_PACKAGE_PATH_NOT_EXPORTED'])
    const packed = new Set(installed.packing.files.map(({ path }) => `./${path}`))
    const types = Object.values(manifest.exports).map((entry) => entry.types)
    assert.deepEqual(
      types.filter((path) => !packed.has(path)),
      [],
    )
  })

  test('serves: a warm task answers and an execution ends, on the Engine', async () => {
    const [task, shell] = await Promise.all([ensureImage('hello-node'), ensureImage('busybox')])
    await using home = await Home.make()
    const socketPath = join(home.runDir, 'errand.sock')
    await using node = await home.serve({
      launcher: installed.bin,
      environment: ENVIRONMENT,
      listen: ['127.0.0.1:0', `unix:${socketPath}`],
    })
    const body = { id: task, resource: { cpu: 0.1, mem: 64 }, input: 'package' }
    assert.deepEqual(await node.execute(body), { success: true, msg: 'Hello, package!' })
    assert.deepEqual(await node.execute(body), { success: true, msg: 'Hello, package!' })

    await using client = new V1Client(socketPath)
    const cmd = ['sh', '-c', 'echo packed; exit 4']
    const { id } = await client.submit({ task: { image: shell, cmd, resources: { cpu: 0.1 } } }, 'packed')
    const { status, reason, exitCode } = await client.wait(id)
    assert.deepEqual({ status, reason, exitCode }, { status: 'failed', reason: 'exit_nonzero', exitCode: 4 })
    assert.equal(await client.log(id), 'packed\n')
  })
})

/** Names of packages, those of scopes too. */
async function modulesIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'))
  const found = names.map(async (name) =>
    name.startsWith('@') ? (await readdir(join(folder, name))).map((part) => `${name}/${part}`) : [name],
  )
  return (await Promise.all(found)).flat()
}
