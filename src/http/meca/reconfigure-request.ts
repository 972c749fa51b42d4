import { ErrandError } from '../../core/errors.ts'
import { MIB, parseCores, parseMebibytes } from '../../core/resources.ts'
import type { Grant } from '../../service/node-api.ts'
import { LONGEST_DELAY_MS, parseMinutes } from '../../util/quantity.ts'
import { parseJsonObject } from '../json-body.ts'
import {
  MalformedRequest,
  type OnUnknownKey,
  optionalFlag,
  optionalNumber,
  optionalText,
  reportUnknownKeys,
} from './fields.ts'

/** `type` is read from configuration files that clients send as they are. */
const KEYS: ReadonlySet<string> = new Set(['type', 'timeout', 'cpu', 'mem', 'has_gpu', 'microVM_runtime'])

const MINUTE_MS = 60_000

/**
 * Reads the body of `POST /update-config`. It replaces the grant as a whole: what it does not say gets its default.
 * @throws MalformedRequest when it is not JSON, a type is wrong, or cpu or mem are missing or not above zero;
 * validation_failed for values that no node can have
 */
export function parseReconfigureRequest(body: Buffer, onUnknownKey: OnUnknownKey): Grant {
  const fields = parseJsonObject(body)
  if (fields === undefined) throw new MalformedRequest()
  reportUnknownKeys(fields, KEYS, onUnknownKey)

  const cpu = optionalNumber(fields.cpu) ?? 0
  const mem = optionalNumber(fields.mem) ?? 0
  const timeout = optionalNumber(fields.timeout) ?? 1
  const hasGpu = optionalFlag(fields.has_gpu)
  const runtime = optionalText(fields.microVM_runtime) ?? ''
  if (!(cpu > 0 && mem > 0)) throw new MalformedRequest()
  return {
    cpuMillis: parseCores(cpu),
    memoryBytes: parseMebibytes(mem),
    keepAliveMs: keepAliveMs(timeout),
    hasGpu,
    microVmRuntime: runtime === '' ? undefined : runtime,
  }
}

function keepAliveMs(minutes: number): number {
  const ms = parseMinutes(minutes)
  if (ms !== undefined) return ms
  const most = Math.floor(LONGEST_DELAY_MS / MINUTE_MS)
  throw new ErrandError('validation_failed', `timeout must be above 0 and at most ${most} minutes; it is ${minutes}`, {
    details: { timeout: minutes },
  })
}

/** A grant in the words and units of the request. */
export function describeGrant(grant: Grant): object {
  return {
    timeout: grant.keepAliveMs / MINUTE_MS,
    cpu: grant.cpuMillis / 1000,
    mem: grant.memoryBytes / MIB,
    has_gpu: grant.hasGpu,
    microVM_runtime: grant.microVmRuntime ?? null,
  }
}
