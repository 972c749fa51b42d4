import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { run } from '../../examples/tasks/offline/command.ts'
import { randomId } from '../../src/core/ids.ts'

/** Connects, says what it is told, and prints what it hears. */
const SCRIPT = `
const [host, port, text, isLazy] = process.argv.slice(1)
const socket = require('node:net').connect(Number(port), host, () => socket.write(text))
socket.once('data', (data) => {
  process.stdout.write(data)
  if (isLazy === 'lazy') socket.pause()
  else socket.pipe(process.stdout)
})`

/**
 * A machine beyond a cable, as far as this host can tell: a network of its own. Its processes can be made to vanish without a
 * word, as by a pulled plug. Disposing removes it all.
 */
export class RemotePeer implements AsyncDisposable {
  /** This host's address on the cable. */
  readonly host: string
  readonly #name: string
  readonly #children: ChildProcess[] = []

  private constructor(name: string, host: string) {
    this.#name = name
    this.host = host
  }

  static async open(): Promise<RemotePeer> {
    const name = `errand-${randomId().slice(0, 8)}`
    // Of the block for documentation: nobody's. Another each time, for tests that run at once.
    const first = 4 * randomInt(64)
    const [here, there] = [`198.51.100.${first + 1}`, `198.51.100.${first + 2}`]
    const peer = new RemotePeer(name, here)
    await run('ip', ['netns', 'add', name])
    await run('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
    await run('ip', ['address', 'add', `${here}/30`, 'dev', name])
    await run('ip', ['link', 'set', name, 'up'])
    await peer.#inside('ip', 'address', 'add', `${there}/30`, 'dev', 'eth0')
    await peer.#inside('ip', 'link', 'set', 'eth0', 'up')
    return peer
  }

  /** Sends a request from there, and resolves with the beginning of its answer; what follows is read, or left, if it is lazy. */
  async ask(port: number, request: string, isLazy = false): Promise<string> {
    const words = ['-e', SCRIPT, this.host, String(port), request, isLazy ? 'lazy' : '']
    const child = spawn('ip', ['netns', 'exec', this.#name, process.execPath, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#children.push(child)
    const [answer] = await once(child.stdout, 'data')
    child.stdout.resume()
    return String(answer)
  }

  /** From now on nothing comes from there, and nothing arrives. */
  async vanish(): Promise<void> {
    for (const chain of ['INPUT', 'OUTPUT']) await this.#inside('iptables', '-w', '5', '-A', chain, '-j', 'DROP')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'close') : undefined
      child.kill('SIGKILL')
      await ended
    }
    await run('ip', ['netns', 'delete', this.#name])
    await run('ip', ['link', 'delete', this.#name]).catch(() => {})
  }

  async #inside(...command: string[]): Promise<void> {
    await run('ip', ['netns', 'exec', this.#name, ...command])
  }
}
