import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { debianProgram } from './debian-program.ts'
import { docker } from './engine-host.ts'

const START_TRIES = 200

/**
 * A real registry on a free port of 127.0.0.1, with a folder of its own. Disposing stops it and takes its images off
 * the engine.
 */
export class TestRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT`; the engine speaks plain HTTP with it. */
  readonly host: string
  readonly #folder: string
  readonly #program: string
  #process: ChildProcess | undefined

  private constructor(host: string, folder: string, program: string) {
    this.host = host
    this.#folder = folder
    this.#program = program
  }

  static async open(): Promise<TestRegistry> {
    const program = await debianProgram('docker-registry', '/usr/bin/docker-registry')
    const folder = await mkdtemp(join(tmpdir(), 'errand-registry-'))
    const registry = new TestRegistry(`127.0.0.1:${await freePort()}`, folder, program)
    await writeFile(join(folder, 'config.yml'), registry.#config)
    await registry.start()
    return registry
  }

  /** Also after `stop`, with what was pushed before. */
  async start(): Promise<void> {
    this.#process = spawn(this.#program, ['serve', join(this.#folder, 'config.yml')], { stdio: 'ignore' })
    for (let tries = 0; tries < START_TRIES; tries += 1) {
      const isUp = await fetch(`http://${this.host}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (isUp) return
      assert.equal(this.#process.exitCode, null, 'the registry ended')
      await sleep(50) // it does not say when it listens
    }
    throw new Error('the registry did not start')
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Gives the registry an image of the engine, and the engine nothing; returns how it is to be pulled. */
  async push(imageId: string, name: string): Promise<string> {
    const reference = `${this.host}/${name}`
    await docker('tag', imageId, reference)
    await docker('push', '--quiet', reference)
    await docker('rmi', reference)
    return reference
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await rm(this.#folder, { recursive: true })
    await removeImagesOf(this.host)
  }

  get #config(): string {
    return `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${this.#folder} } }
http: { addr: '${this.host}' }
`
  }
}

/** Takes every name that begins with this registry off the engine's images. */
export async function removeImagesOf(registry: string): Promise<void> {
  const rows = await docker('image', 'ls', '--digests', '--format', '{{.Repository}} {{.Tag}} {{.Digest}}')
  for (const [repository = '', tag, digest] of rows.map((row) => row.split(' '))) {
    if (!repository.startsWith(`${registry}/`)) continue
    const name = tag === '<none>' ? `${repository}@${digest}` : `${repository}:${tag}`
    await docker('rmi', '--force', name).catch(() => []) // two names of one image can go together
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}
