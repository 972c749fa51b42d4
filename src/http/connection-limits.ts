import { readFile } from 'node:fs/promises'

/** Bounds on what one listener's connections may cost. Times in milliseconds. */
export interface ConnectionLimits {
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** How often those two are looked at. */
  readonly checkIntervalMs: number
  readonly keepAliveMs: number
  readonly maxHeaderBytes: number
  readonly maxConnections: number
  /** By one peer: an IPv4 address, or an IPv6 network of 64 bits. */
  readonly maxConnectionsPerPeer: number
  /** Then the connection is closed, so that none is held for ever. */
  readonly maxRequestsPerConnection: number
  /** Requests of one connection that may be unanswered at once. */
  readonly maxPipelined: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  checkIntervalMs: 2000,
  keepAliveMs: 65_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 4096,
  maxConnectionsPerPeer: 1024,
  maxRequestsPerConnection: 10_000,
  maxPipelined: 32,
}

/** Files that are never left to callers: the engine's connections, the state folder, the log, Node's own. */
const RESERVED_FILES = 64
const FEWEST_CONNECTIONS = 8
/** What others can still have when one peer has all that it may. */
const SHARE_OF_ONE_PEER = 0.75

/**
 * The limits for each of `listeners` in a process that may have `openFiles` files: every request can need one connection
 * from its caller and one to its task, and the engine must stay reachable when callers have taken all they can get.
 */
export function limitsWithin(openFiles: number, listeners: number): ConnectionLimits {
  const affordable = Math.floor((openFiles - RESERVED_FILES) / 2 / Math.max(1, listeners))
  const maxConnections = Math.min(CONNECTION_LIMITS.maxConnections, Math.max(FEWEST_CONNECTIONS, affordable))
  const forOnePeer = Math.max(1, Math.floor(maxConnections * SHARE_OF_ONE_PEER))
  return {
    ...CONNECTION_LIMITS,
    maxConnections,
    maxConnectionsPerPeer: Math.min(CONNECTION_LIMITS.maxConnectionsPerPeer, forOnePeer),
  }
}

const OPEN_FILES = /^Max open files +([0-9]+)/m

/** How many files this process may have open; Infinity when nobody says. */
export async function openFileLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  return Number(OPEN_FILES.exec(limits)?.[1] ?? Infinity)
}
