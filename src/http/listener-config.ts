import type { CertificateFiles } from './certificate.ts'

/** What can be served somewhere. */
export type FaceName = 'meca' | 'v1' | 'docs' | 'metrics'

/** One place where the daemon accepts requests. */
export interface ListenerConfig {
  readonly address: ListenAddress
  /** True when only this host can reach it. */
  readonly isLoopback: boolean
  /** At least one. */
  readonly faces: ReadonlySet<FaceName>
  /**
   * Who may use it: anybody who can connect, whoever the permissions of the unix socket (0660) let in, or whoever has a
   * token. `none` is about the face `meca` alone: over it, the others still ask for tokens.
   */
  readonly auth: 'none' | 'peer' | 'token'
  /** Whether it serves `/stop`, `/pause`, `/unpause` and `/update-config`. */
  readonly hasControl: boolean
  /** HTTPS with this certificate, instead of HTTP. For TCP alone. */
  readonly tls?: CertificateFiles
}

/** Port 0 lets the kernel choose one. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly unixPath: string }

export function describeListenAddress(address: ListenAddress): string {
  if ('unixPath' in address) return `unix:${address.unixPath}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
