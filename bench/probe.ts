/**
 * Loaded into a daemon before its own code (`node --import`): notes when each engine call began and ended and, once asked to
 * `count`, counts what the daemon asks of the system, which slows it. Asked over the process's channel, it answers with a
 * `ProbeReport` and begins anew.
 */
import { createHook } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { monotonicMs } from './support/clock.ts'

export interface ProbeReport {
  /** How often, by kind and by who asked: `timer undici`. */
  readonly counts: Readonly<Record<string, number>>
  readonly engineCalls: readonly EngineCall[]
}

export interface EngineCall {
  /** `POST /v1.41/containers/create?name=...` */
  readonly call: string
  /** On the machine's monotonic clock. */
  readonly beganAt: number
  /** Undefined while it goes on. */
  endedAt?: number
}

/** Kinds of asynchronous work as Node names them, by what they are to us. */
const KINDS: Readonly<Record<string, string>> = {
  Timeout: 'timer',
  FSREQCALLBACK: 'file access',
  FSREQPROMISE: 'file access',
  FILEHANDLE: 'file access',
  GETADDRINFOREQWRAP: 'name look-up',
  GETNAMEINFOREQWRAP: 'name look-up',
  QUERYWRAP: 'name look-up',
  TCPCONNECTWRAP: 'connection',
  PIPECONNECTWRAP: 'connection',
  PROCESSWRAP: 'child process',
}

const counts = new Map<string, number>()
const calls = new Map<object, EngineCall>()

function count(kind: string): void {
  const name = `${kind} of ${asker()}`
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** Whose code asked: the first on the stack that is neither ours here nor Node's plumbing of timers and hooks. */
function asker(): string {
  const frames = (new Error().stack ?? '').split('\n').slice(1)
  const first = frames.find((frame) => !/bench\/probe|async_hooks|timers|new AsyncWrap/.test(frame)) ?? ''
  if (first.includes('node_modules/undici')) return 'the HTTP client'
  return first.includes('file:') ? 'ours' : 'the HTTP server'
}

const hook = createHook({
  init(_id, type) {
    const kind = KINDS[type]
    if (kind !== undefined) count(kind)
  },
})

/** Synchronous calls make no asynchronous work, so they are counted as they are called. */
function countSyncFileAccess(): void {
  const functions: Record<string, unknown> = fs as never
  for (const [name, original] of Object.entries(functions)) {
    if (!name.endsWith('Sync') || typeof original !== 'function') continue
    functions[name] = (...args: unknown[]): unknown => {
      count('file access')
      return original.apply(fs, args)
    }
  }
  syncBuiltinESMExports()
}

interface Requested {
  readonly request: { readonly origin: unknown; readonly method: string; readonly path: string }
}

subscribe('undici:request:create', (message) => {
  const { request } = message as Requested
  if (String(request.origin) === 'http://task') return
  count('engine call')
  calls.set(request, { call: `${request.method} ${request.path}`, beganAt: monotonicMs() })
})
for (const end of ['undici:request:trailers', 'undici:request:error']) {
  subscribe(end, (message) => {
    const call = calls.get((message as Requested).request)
    if (call !== undefined) call.endedAt = monotonicMs()
  })
}

process.on('message', (question) => {
  const report: ProbeReport = { counts: Object.fromEntries(counts), engineCalls: [...calls.values()] }
  counts.clear()
  calls.clear()
  process.send?.(report)
  if (question !== 'count') return
  hook.enable()
  countSyncFileAccess()
})
// To be asked must not keep the daemon alive.
process.channel?.unref()
