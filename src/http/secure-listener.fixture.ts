import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Log, silentLog } from '../core/log.ts'
import type { CertificateFiles } from './certificate.ts'
import type { ConnectionLimits } from './connection-limits.ts'
import { Listeners } from './listeners.ts'

const answerOk: RequestListener = (_request, response) => void response.end('ok')
/** A request that is answered. */
export const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

interface Deps {
  readonly handler?: RequestListener
  readonly clock?: Clock
  readonly log?: Log
  readonly limits?: Partial<ConnectionLimits>
}

/** A listener of 127.0.0.1 with this certificate, as the MECAnywhere interface has it. */
export function open(tls: CertificateFiles, deps: Deps = {}): Promise<Listeners> {
  const { handler = answerOk, clock = systemClock, log = silentLog, limits = {} } = deps
  const address = { host: '127.0.0.1', port: 0 }
  return Listeners.open(
    [{ address, isLoopback: true, faces: new Set(['meca']), auth: 'none', hasControl: true, tls }],
    { handlerFor: () => handler, clock, log, limits },
    new AbortController().signal,
  )
}

/** The port that it got. */
export function portOf({ addresses: [address] }: Listeners): number {
  assert.ok(address !== undefined && 'port' in address)
  return address.port
}
