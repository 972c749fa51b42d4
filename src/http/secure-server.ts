import type { Server, ServerOptions } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Serial } from '../util/serial.ts'
import { type Certificate, type CertificateFiles, markOf, readCertificate } from './certificate.ts'

/**
 * How often the files are looked at. They are not watched: what is renewed is often a link to a link, changed in a folder that
 * nobody named.
 */
const LOOK_MS = 10_000
const MIN_VERSION = 'TLSv1.2'

interface SecureServerDeps {
  readonly clock: Clock
  readonly log: Log
}

/**
 * An HTTPS server whose certificate follows its files: new connections get the new one, those that are open go on. A file that
 * is wrong changes nothing but the log. Loaded where TLS is configured alone, since it takes memory.
 */
export class SecureServer implements AsyncDisposable {
  readonly server: Server
  readonly #files: CertificateFiles
  readonly #deps: SecureServerDeps
  readonly #setContext: (certificate: Certificate) => void
  readonly #looks = new Serial()
  /** By the address and port of their peer: the socket that TLS makes of another does not tell which. */
  readonly #handshaking = new Map<string, Socket>()
  #mark: string
  #timer: Disposable | undefined
  #isClosed = false

  private constructor(
    files: CertificateFiles,
    certificate: Certificate,
    mark: string,
    options: ServerOptions & { readonly handshakeTimeout: number },
    deps: SecureServerDeps,
  ) {
    const server = createServer({ ...options, ...contextOf(files, certificate) })
    this.server = server
    this.#files = files
    this.#deps = deps
    this.#setContext = (renewed) => server.setSecureContext(contextOf(files, renewed))
    this.server.on('connection', (socket) => this.#connected(socket))
    this.server.on('secureConnection', (socket: Socket) => this.#handshaking.delete(peerName(socket)))
    this.#mark = mark
    this.#warnIfExpired(certificate)
    this.#lookLater()
  }

  /** @throws validation_failed naming the file that cannot be used */
  static async open(
    files: CertificateFiles,
    options: ServerOptions & { readonly handshakeTimeout: number },
    deps: SecureServerDeps,
  ): Promise<SecureServer> {
    // Before reading: what changes meanwhile is seen at the next look.
    const mark = await markOf(files)
    return new SecureServer(files, await readCertificate(files), mark, options, deps)
  }

  /** Looks at the files now. Resolves when new connections get what is in them, or the log says why not. */
  reload(): Promise<void> {
    return this.#looks.run(() => this.#look())
  }

  /** Ends connections on which nothing can have been asked yet. */
  cutHandshakes(): void {
    for (const socket of this.#handshaking.values()) socket.destroy()
  }

  /** Looks no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#timer?.[Symbol.dispose]()
    await this.#looks.run(async () => {})
  }

  #connected(socket: Socket): void {
    const name = peerName(socket)
    this.#handshaking.set(name, socket)
    socket.once('close', () => {
      if (this.#handshaking.get(name) === socket) this.#handshaking.delete(name)
    })
  }

  #lookLater(): void {
    this.#timer = this.#deps.clock.setTimer(LOOK_MS, () => {
      void this.reload().then(() => {
        if (!this.#isClosed) this.#lookLater()
      })
    })
  }

  /** A certificate and its key are written one after the other: until both are there they do not match, and nothing changes. */
  async #look(): Promise<void> {
    const mark = await markOf(this.#files)
    if (mark === this.#mark || this.#isClosed) return
    this.#mark = mark
    try {
      const certificate = await readCertificate(this.#files)
      this.#setContext(certificate)
      this.#deps.log.info({ ...this.#files, validUntil: toTime(certificate) }, 'a certificate was renewed')
      this.#warnIfExpired(certificate)
    } catch (error) {
      this.#deps.log.error({ err: error }, 'a certificate cannot be renewed: the one before is kept')
    }
  }

  #warnIfExpired(certificate: Certificate): void {
    if (certificate.validUntilMs > this.#deps.clock.wallMs()) return
    this.#deps.log.warn({ ...this.#files, validUntil: toTime(certificate) }, 'a certificate has expired')
  }
}

function peerName({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

function toTime({ validUntilMs }: Certificate): string {
  return new Date(validUntilMs).toISOString()
}

/** What OpenSSL takes besides: a chain without damage, a key that is long enough. @throws validation_failed */
function contextOf({ certPath }: CertificateFiles, { cert, key }: Certificate): TlsOptions {
  const options: TlsOptions = { cert, key, minVersion: MIN_VERSION }
  try {
    createSecureContext(options)
    return options
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new ErrandError('validation_failed', `listen: tls: ${certPath} cannot be used: ${code}`, { cause })
  }
}

interface TlsOptions {
  readonly cert: Buffer
  readonly key: Buffer
  readonly minVersion: typeof MIN_VERSION
}
