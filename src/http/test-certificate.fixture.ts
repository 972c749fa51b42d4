import { execFile } from 'node:child_process'
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import type { CertificateFiles } from './certificate.ts'
import type { Answer, Ask } from './wire-kit.fixture.ts'

const run = promisify(execFile)

/** A certificate for this host that signed itself, in files of its own, that can be renewed. */
export class TestCertificate implements CertificateFiles, AsyncDisposable {
  readonly folder: string
  readonly certPath: string
  readonly keyPath: string

  private constructor(folder: string) {
    this.folder = folder
    this.certPath = join(folder, 'cert.pem')
    this.keyPath = join(folder, 'key.pem')
  }

  static async make(name = 'first'): Promise<TestCertificate> {
    const made = new TestCertificate(await mkdtemp(join(tmpdir(), 'errand-tls-')))
    await made.renew(name)
    return made
  }

  /** Another key and certificate in the place of those before. `name` is its common name. */
  async renew(name: string): Promise<void> {
    const draft = await this.draft(name)
    await rename(draft.certPath, this.certPath)
    await rename(draft.keyPath, this.keyPath)
  }

  /** The same beside them. */
  async draft(name: string, days = 2): Promise<CertificateFiles> {
    const certPath = join(this.folder, `${name}.cert`)
    const keyPath = join(this.folder, `${name}.key`)
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyPath]
    const about = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    await run('openssl', ['req', '-x509', ...key, '-out', certPath, '-days', `${days}`, ...about])
    await chmod(keyPath, 0o600)
    return { certPath, keyPath }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true })
  }
}

/** One request over TLS, on a connection of its own, and the name of the certificate that answered it. */
export async function askSecurely(
  port: number,
  { method = 'GET', path = '/', body, headers = {} }: Ask,
): Promise<Answer & { readonly certificate: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer & { readonly certificate: string }>()
  const options = { host: '127.0.0.1', port, method, path, headers, agent: false, rejectUnauthorized: false }
  const sent = request(options, (response) => {
    const { statusCode: status = 0, headers: answered } = response
    const certificate = nameOf(response.socket as TLSSocket)
    text(response).then((all) => resolve({ status, headers: answered, text: all, certificate }), reject)
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

export function nameOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN)
}

/** Resolves when both have keys. Rejects with what the other side thinks of it. */
export async function connectSecurely(port: number, options: ConnectionOptions = {}): Promise<TLSSocket & Disposable> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket & Disposable>()
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
    resolve(Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() }))
  })
  socket.on('error', reject)
  return promise
}
