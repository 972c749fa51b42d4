import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type { Pool as UndiciPool } from 'undici'
import type { Endpoint } from '../core/endpoint.ts'
import { dial } from './dial.ts'

/**
 * Only what is used, and not before it is: it costs 5 MiB, and the whole package, with fetch, WebSockets and caches, 10
 * more. That file is no promise of undici's, so package.json asks for exactly one version.
 */
const loadPool = (): typeof UndiciPool => load('undici/lib/dispatcher/pool.js') as typeof UndiciPool
const load = createRequire(import.meta.url)

/** Never used to find the task; undici wants an origin, and tasks get it as their Host. */
const ORIGIN = 'http://task'

/** More than this many requests at once to one instance wait for a connection. */
const MOST_CONNECTIONS = 256

/** The keep-alive connections to one instance. Destroyed with it, before its address can belong to another. */
export type Connections = UndiciPool

export function openConnections(endpoint: Endpoint): Connections {
  const Pool = loadPool()
  return new Pool(ORIGIN, {
    connect: (_options, callback) => dial(endpoint, (error, socket) => settle(callback, error, socket)),
    connections: MOST_CONNECTIONS,
    // Without pipelining no request waits behind another one's answer.
    pipelining: 1,
    // Deadlines are ours, one per request: undici's fire on silence only, and not while a body is held back.
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  })
}

type ConnectCallback = Parameters<Extract<UndiciPool.Options['connect'], (...args: never[]) => unknown>>[1]

function settle(callback: ConnectCallback, error: Error | null, socket: Socket | null): void {
  if (socket !== null) callback(null, socket)
  else callback(error ?? new Error('no socket'), null)
}
