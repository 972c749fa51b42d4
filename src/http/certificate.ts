import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { constants, open, readFile, stat } from 'node:fs/promises'
import { ErrandError } from '../core/errors.ts'

/** Where a listener's certificate and its private key are, in PEM. */
export interface CertificateFiles {
  /** The certificate, then those that lead from it to a root. */
  readonly certPath: string
  /** Without a passphrase, and not readable for everybody. */
  readonly keyPath: string
}

/** What was in them. */
export interface Certificate {
  readonly cert: Buffer
  readonly key: Buffer
  /** Wall clock, in milliseconds: after this nobody should trust it. */
  readonly validUntilMs: number
}

const OPEN_TO_ALL = 0o007

/** @throws validation_failed naming the file that is missing, wrong, or no secret */
export async function readCertificate({ certPath, keyPath }: CertificateFiles): Promise<Certificate> {
  const cert = await readFile(certPath).catch((error: unknown) => refuse(certPath, 'cannot be read', error))
  const key = await readSecret(keyPath)
  const leaf = parsed(certPath, 'is no certificate in PEM', () => new X509Certificate(cert))
  if (!leaf.checkPrivateKey(privateKey(keyPath, key))) refuse(keyPath, `is not the key of ${certPath}`)
  return { cert, key, validUntilMs: Date.parse(leaf.validTo) }
}

/** What tells that one of the files was replaced or written to, wherever links lead. */
export async function markOf({ certPath, keyPath }: CertificateFiles): Promise<string> {
  const marks = [certPath, keyPath].map(async (path) => {
    const found = await stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => String(error.code))
    return typeof found === 'string' ? found : `${found.dev} ${found.ino} ${found.ctimeNs} ${found.size}`
  })
  return (await Promise.all(marks)).join()
}

/** Says of the file that is open, not of one that may stand in its place by then. */
async function readSecret(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY).catch((error: unknown) => refuse(path, 'cannot be read', error))
  try {
    const { mode } = await file.stat()
    if ((mode & OPEN_TO_ALL) !== 0) refuse(path, 'is open to everybody on this host: chmod o-rwx')
    return await file.readFile().catch((error: unknown) => refuse(path, 'cannot be read', error))
  } finally {
    await file.close()
  }
}

function privateKey(path: string, key: Buffer): KeyObject {
  return parsed(path, 'is no private key in PEM without a passphrase', () => createPrivateKey(key))
}

function parsed<T>(path: string, why: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    return refuse(path, why, error)
  }
}

/** What OpenSSL says of a file says nothing of what is in it, but nobody promises that: it goes no further. */
function refuse(path: string, why: string, cause?: unknown): never {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  const detail = code?.startsWith('E') === true && !code.startsWith('ERR_') ? ` (${code})` : ''
  throw new ErrandError('validation_failed', `listen: tls: ${path} ${why}${detail}`, { details: { path } })
}
