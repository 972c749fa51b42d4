import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Address, formatAddress } from './address.ts'
import { Child } from './child.ts'

const PROGRAM = join(import.meta.dirname, '../naive-proxy.ts')

/** The yardstick, in a process of its own. */
export interface NaiveProxy extends AsyncDisposable {
  readonly pid: number
  readonly tcp: Address
  readonly unix: Address
}

export async function startNaiveProxy(
  upstream: Address,
  cores: string | undefined,
  signal: AbortSignal,
): Promise<NaiveProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-bench-'))
  const command = [
    process.execPath,
    PROGRAM,
    formatAddress(upstream),
    '127.0.0.1:0',
    `unix:${join(folder, 'proxy.sock')}`,
  ]
  const child = new Child('the naive proxy', command, { cores })
  const dispose = async (): Promise<void> => {
    await child[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
  try {
    const [tcp, unix] = await child.addresses(signal)
    if (tcp === undefined || unix === undefined) throw new Error('the naive proxy serves too few addresses')
    return { pid: child.pid, tcp, unix, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}
