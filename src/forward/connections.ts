import type { Socket } from 'node:net'
import { Pool } from 'undici'
import type { Endpoint } from '../core/endpoint.ts'
import { dial } from './dial.ts'

/** Never used to find the task; undici wants an origin, and tasks get it as their Host. */
const ORIGIN = 'http://task'

/** More than this many requests at once to one instance wait for a connection. */
const MOST_CONNECTIONS = 256

/** The keep-alive connections to one instance. Destroyed with it, before its address can belong to another. */
export type Connections = Pool

export function openConnections(endpoint: Endpoint): Connections {
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

type ConnectCallback = Parameters<Extract<Pool.Options['connect'], (...args: never[]) => unknown>>[1]

function settle(callback: ConnectCallback, error: Error | null, socket: Socket | null): void {
  if (socket !== null) callback(null, socket)
  else callback(error ?? new Error('no socket'), null)
}
