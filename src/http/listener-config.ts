/** One place where the daemon accepts requests. The face `meca` is the only one there is. */
export interface ListenerConfig {
  readonly address: ListenAddress
  /** True when only this host can reach it. */
  readonly isLoopback: boolean
  /** Who may use it: anybody who can connect, or whoever the permissions of the unix socket (0660) let in. */
  readonly auth: 'none' | 'peer'
  /** Whether it serves `/stop`, `/pause`, `/unpause` and `/update-config`. */
  readonly hasControl: boolean
}

/** Port 0 lets the kernel choose one. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly unixPath: string }

export function describeListenAddress(address: ListenAddress): string {
  if ('unixPath' in address) return `unix:${address.unixPath}`
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
