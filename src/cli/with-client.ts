import { X509Certificate } from 'node:crypto'
import { ErrandClient, ErrandError } from '../client/client.ts'
import { readTextFile } from './body-file.ts'
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
  const { url, tokenFile, caFile } = await resolveContext(flags, terminal.host)
  const file = tokenFile === undefined ? {} : { tokenFile }
  // Where TLS is not spoken, a file that is gone harms nobody.
  const ca = caFile === undefined || !url.startsWith('https:') ? {} : { ca: await readCertificates(caFile) }
  await using client = new ErrandClient({ url, ...file, ...ca, patienceMs: PATIENCE_MS })
  return await work(client)
}

/** Of who may vouch for a daemon. @throws not_found for a file that cannot be read; validation_failed for one without any */
async function readCertificates(path: string): Promise<string> {
  const text = await readTextFile(path)
  try {
    // What is none is passed over by TLS, and the daemon would be the one to blame.
    void new X509Certificate(text)
    return text
  } catch (cause) {
    throw new ErrandError('validation_failed', `${path} holds no certificate (PEM)`, { cause })
  }
}
