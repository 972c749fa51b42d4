import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { run } from '../../examples/tasks/offline/command.ts'
import { randomId } from '../../src/core/ids.ts'
import { type ConformanceBench, OutputRecorder } from '../../src/engine/conformance-bench.ts'
import type { SandboxRef } from '../../src/engine/engine.ts'

/** Where something may answer. */
export interface Target {
  readonly host: string
  readonly port: number
}

/** Answers `pong` on TCP and UDP; of this port, or any that is free for both. Prints the port. */
export const PONG: string = `
const net = require('node:net'), dgram = require('node:dgram')
function listen(port) {
  const tcp = net.createServer((socket) => socket.on('error', () => {}).end('pong'))
  tcp.listen(port, '0.0.0.0', () => {
    const udp = dgram.createSocket('udp4', (_message, from) => udp.send('pong', from.port, from.address))
    udp.on('error', () => tcp.close(() => listen(0)))
    udp.bind(tcp.address().port, () => console.log(tcp.address().port))
  })
}
listen(Number(process.argv[1] ?? 0))
`

/** Prints as JSON those of the targets that answered, as `PROTOCOL HOST`. */
const ASK = `
const net = require('node:net'), dgram = require('node:dgram')
const overTcp = ({ host, port }) => new Promise((resolve) => {
  const socket = net.connect({ host, port, timeout: 1500 })
  socket.on('data', () => resolve(true)).on('timeout', () => socket.destroy()).on('error', () => {})
  socket.on('close', () => resolve(false))
})
const overUdp = ({ host, port }) => new Promise((resolve) => {
  const socket = dgram.createSocket('udp4', () => { socket.close(); resolve(true) })
  socket.on('error', () => resolve(false))
  socket.send('ping', port, host)
  setTimeout(() => resolve(false), 1500).unref()
  setTimeout(() => socket.unref(), 1500)
})
const targets = JSON.parse(process.argv[1])
Promise.all(targets.flatMap((target) => [
  overTcp(target).then((isReached) => isReached ? ['tcp ' + target.host] : []),
  overUdp(target).then((isReached) => isReached ? ['udp ' + target.host] : []),
])).then((found) => { console.log(JSON.stringify(found.flat())); process.exit() })
`

/** Which of the targets a sandbox of the image `serves` reaches. */
export async function reachedFrom(
  bench: ConformanceBench,
  ref: SandboxRef,
  targets: readonly Target[],
): Promise<string[]> {
  const output = new OutputRecorder()
  await bench.engine.exec(ref, { argv: ['/bin/node', '-e', ASK, JSON.stringify(targets)] }, output.sink, bench.signal)
  return JSON.parse(output.bytes('stdout').toString())
}

/** Which of the targets this host reaches. */
export async function reachedFromHost(targets: readonly Target[]): Promise<string[]> {
  return JSON.parse(await run(process.execPath, ['-e', ASK, JSON.stringify(targets)]))
}

export interface Ponging extends AsyncDisposable {
  readonly port: number
}

/** On every IPv4 address of this host, or of another network namespace. */
export async function pong(namespace?: string): Promise<Ponging> {
  const [program, args]: [string, string[]] =
    namespace === undefined
      ? [process.execPath, ['-e', PONG]]
      : ['ip', ['netns', 'exec', namespace, process.execPath, '-e', PONG]]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [port] = (await once(lines, 'line')) as [string]
  return {
    port: Number(port),
    async [Symbol.asyncDispose]() {
      lines.close()
      child.kill('SIGKILL')
      await once(child, 'close')
    },
  }
}

/** A machine of its own as far as networks go, beside this host: what "outside" is to a sandbox. */
export class Outside implements AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly #name: string
  readonly #pong: Ponging

  private constructor(name: string, host: string, ponging: Ponging) {
    this.#name = name
    this.host = host
    this.port = ponging.port
    this.#pong = ponging
  }

  static async open(): Promise<Outside> {
    const name = `et-${randomId().slice(0, 8)}`
    // Of the addresses that are nobody's (RFC 5737).
    const net = `203.0.113.${4 * Math.floor(Math.random() * 63)}`
    const [ours, theirs] = [
      net.replace(/\d+$/, (last) => `${Number(last) + 1}`),
      net.replace(/\d+$/, (last) => `${Number(last) + 2}`),
    ]
    await run('ip', ['netns', 'add', name])
    const inside = ['netns', 'exec', name, 'ip']
    try {
      await run('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name])
      await run('ip', ['address', 'add', `${ours}/30`, 'dev', name])
      await run('ip', ['link', 'set', name, 'up'])
      await run('ip', [...inside, 'address', 'add', `${theirs}/30`, 'dev', 'eth0'])
      await run('ip', [...inside, 'link', 'set', 'eth0', 'up'])
      await run('ip', [...inside, 'route', 'add', 'default', 'via', ours])
      return new Outside(name, theirs, await pong(name))
    } catch (error) {
      await run('ip', ['netns', 'delete', name])
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pong[Symbol.asyncDispose]()
    // Takes the pair of interfaces with it.
    await run('ip', ['netns', 'delete', this.#name])
  }
}
