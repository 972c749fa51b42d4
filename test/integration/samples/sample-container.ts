import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { run } from '../../../examples/tasks/offline/command.ts'

/** What the `standard` profile leaves to a task; samples must do with it. */
const PROFILE = [
  '--cap-drop=ALL',
  ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'NET_BIND_SERVICE', 'KILL'].map(
    (name) => `--cap-add=${name}`,
  ),
  '--security-opt=no-new-privileges',
  '--memory=128m',
  '--pids-limit=64',
]

/** A sample run by the plain Docker command line, without Errand, on a network of its own. Disposing removes it, whatever its state. */
export class SampleContainer implements AsyncDisposable {
  readonly #name: string

  private constructor(name: string) {
    this.#name = name
  }

  static async start(image: string, dockerArgs: readonly string[]): Promise<SampleContainer> {
    const container = new SampleContainer(`errand-test-${randomBytes(6).toString('hex')}`)
    const name = container.#name
    const identity = ['--name', name, '--network', name, '--label', 'errand-test=1', '--pull', 'never']
    try {
      await run('docker', ['network', 'create', '--label', 'errand-test=1', name])
      await run('docker', ['run', '--detach', ...identity, ...PROFILE, ...dockerArgs, image])
    } catch (error) {
      await container[Symbol.asyncDispose]().catch(() => undefined) // perhaps it was never made
      throw error
    }
    return container
  }

  /** Resolves once stdout holds the text; rejects when it ends without. */
  async printed(wanted: string): Promise<void> {
    const follower = spawn('docker', ['logs', '--follow', this.#name], { stdio: ['ignore', 'pipe', 'ignore'] })
    let seen = ''
    try {
      for await (const chunk of follower.stdout.setEncoding('utf8')) {
        seen += chunk
        if (seen.includes(wanted)) return
      }
    } finally {
      follower.kill('SIGKILL')
    }
    throw new Error(`the container ended without printing ${wanted}: ${seen}`)
  }

  async address(): Promise<{ host: string; port: number }> {
    return { host: await this.#inspect('{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'), port: 8080 }
  }

  /** Waits for the end. */
  async exitCode(): Promise<number> {
    return Number(await run('docker', ['wait', this.#name]))
  }

  async signal(name: string): Promise<void> {
    await run('docker', ['kill', '--signal', name, this.#name])
  }

  async output(): Promise<{ stdout: string; stderr: string }> {
    return promisify(execFile)('docker', ['logs', this.#name], { timeout: 30_000 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('docker', ['rm', '--force', '--volumes', this.#name])
    await run('docker', ['network', 'rm', this.#name])
  }

  async #inspect(format: string): Promise<string> {
    return run('docker', ['inspect', '--format', format, this.#name])
  }
}
