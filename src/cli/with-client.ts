import { ErrandClient } from '../client/client.ts'
import { type ContextFlags, resolveContext } from './context/resolve-context.ts'
import type { Terminal } from './terminal.ts'

/** For what is waited for: a node that goes away meanwhile comes back. */
export const PATIENT: { readonly patienceMs: number } = { patienceMs: Infinity }

/** Of commands whose daemon is up, or is not: nobody wants to wait for an error. */
const PATIENCE_MS = 0

/** Does something with the daemon that a command line means, and closes its connections. @throws what `work` throws */
export async function withClient<T>(
  flags: ContextFlags,
  terminal: Terminal,
  work: (client: ErrandClient) => Promise<T>,
): Promise<T> {
  const { url, tokenFile } = await resolveContext(flags, terminal.host)
  const file = tokenFile === undefined ? {} : { tokenFile }
  await using client = new ErrandClient({ url, ...file, patienceMs: PATIENCE_MS })
  return await work(client)
}
