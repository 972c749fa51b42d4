/**
 * The built daemon with the fake engine, whose one image `loopback` is a server of another process: the data plane over
 * TCP without Docker's bridge in between. Arguments: the folder of the built package, the server's HOST:PORT, then those of
 * `errand`.
 */
import { join } from 'node:path'
import type * as program from '../src/cli/program.ts'
import type { OpenDaemon } from '../src/cli/serve.ts'
import type * as terminal from '../src/cli/terminal.ts'
import type * as daemon from '../src/daemon/daemon.ts'
import type * as fake from '../src/engine/fake/fake-engine.ts'
import { parseAddress } from './support/address.ts'

const [dist = '', server = '', ...args] = process.argv.slice(2)
const endpoint = parseAddress(server)
if (!('port' in endpoint)) throw new Error('the fake engine forwards to HOST:PORT')

const { runCommand }: typeof program = await load('cli/program.js')
const { thisTerminal }: typeof terminal = await load('cli/terminal.js')
const { Daemon }: typeof daemon = await load('daemon/daemon.js')
const { FakeEngine }: typeof fake = await load('engine/fake/fake-engine.js')

/** The built package's, not the checkout's. */
async function load<Module>(file: string): Promise<Module> {
  return (await import(join(dist, file))) as Module
}

const open: OpenDaemon = (config, deps, signal) => {
  const images = { loopback: { endpoint, mark: 'meca-init-done' }, noop: { output: ['done\n'], exit: { code: 0 } } }
  const engine = new FakeEngine({ images })
  return Daemon.open(config, { ...deps, openEngine: async () => engine }, signal)
}

process.exit(await runCommand(args, open, thisTerminal()))
