/** Where an instance's server answers. Plain data, so that a fresh start and an adoption dial the same way. */
export type Endpoint = TcpEndpoint | UnixEndpoint

export interface TcpEndpoint {
  readonly host: string
  readonly port: number
}

export interface UnixEndpoint {
  /** A socket in a folder that the task can write to: opened without following links (see `forward/dial.ts`). */
  readonly unixPath: string
}

export function describeEndpoint(endpoint: Endpoint): string {
  return 'unixPath' in endpoint ? `unix:${endpoint.unixPath}` : `${endpoint.host}:${endpoint.port}`
}
