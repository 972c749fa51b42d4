import { randomBytes } from 'node:crypto'
import { access, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Log } from '../core/log.ts'
import { readSecretFile, unusableFile } from './secret-file.ts'

const KEY = 'webhooks.secretFile'
const BYTES = 32
/** As Standard Webhooks writes secrets; 24 to 64 bytes. */
const SECRET = /^whsec_((?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/

/**
 * The secret that webhooks are signed with, which receivers are given by the node's owner. Made where there is no file yet.
 * @throws validation_failed for a file that cannot be read or made, that others can read, or that holds something else
 */
export async function loadWebhookSecret(path: string, log: Log): Promise<Buffer> {
  const isThere = await access(path).then(
    () => true,
    () => false,
  )
  if (!isThere) await makeSecret(path, log)
  const [, encoded] = SECRET.exec((await readSecretFile(KEY, path)).trim()) ?? []
  if (encoded === undefined) throw unusableFile(KEY, path, 'it holds no whsec_ and 24 to 64 bytes in base64')
  return Buffer.from(encoded, 'base64')
}

async function makeSecret(path: string, log: Log): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await using file = await open(path, 'wx', 0o600)
    await file.writeFile(`whsec_${randomBytes(BYTES).toString('base64')}\n`)
    await file.sync()
  } catch (error) {
    throw unusableFile(KEY, path, (error as NodeJS.ErrnoException).code ?? String(error), error)
  }
  log.info({ path }, 'made a secret for webhooks: give it to those who are to check them')
}
