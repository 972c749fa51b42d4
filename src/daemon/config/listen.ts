import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import {
  describeListenAddress,
  type FaceName,
  type ListenAddress,
  type ListenerConfig,
} from '../../http/listener-config.ts'
import { absolutePath, flag, MOST_SOCKET_PATH_BYTES, must } from './fields.ts'

const FACE = 'a face: meca, v1, docs or metrics'
const ADDRESS = `HOST:PORT, [IPV6]:PORT or unix:/PATH of at most ${MOST_SOCKET_PATH_BYTES} bytes`

const listenerSchema = z
  .strictObject(
    {
      address: z.string(must(ADDRESS)).refine((text) => parseAddress(text) !== undefined, must(ADDRESS)),
      faces: z
        .array(z.enum(['meca', 'v1', 'docs', 'metrics'], must(FACE)), must('a list of faces'))
        .min(1, must('a list of at least one face')),
      auth: z.enum(['none', 'peer', 'token'], must('none, peer or token')),
      control: flag,
      tls: z.strictObject({ cert: absolutePath, key: absolutePath }, must('a mapping with the keys cert and key')),
    },
    must('an address or a mapping with the keys address, faces, auth, control and tls'),
  )
  .partial({ faces: true, auth: true, control: true, tls: true })
  .transform(toListener)

/** The keys of one listener in its long form. */
export const LISTENER_KEYS: readonly string[] = ['address', 'faces', 'auth', 'control', 'tls', 'cert', 'key']

/** The value of the key `listen`. The short form of a listener is its address. */
export const listen: z.ZodType<ListenerConfig[]> = z
  .array(
    z.preprocess((raw) => (typeof raw === 'string' ? { address: raw } : raw), listenerSchema),
    must('a list of addresses'),
  )
  .min(1, must('a list of at least one address'))
  .check(({ value, issues }) => {
    if (issues.length > 0) return // then some have no address
    for (const [index, { address }] of value.entries()) {
      const text = describeListenAddress(address)
      const isRepeated = value.findIndex((other) => describeListenAddress(other.address) === text) < index
      if (!isRepeated || text.endsWith(':0')) continue
      issues.push({ code: 'custom', path: [index], message: `${text} is listed twice`, input: value[index] })
    }
  })

interface RawListener {
  readonly address: string
  readonly faces?: FaceName[] | undefined
  readonly auth?: ListenerConfig['auth'] | undefined
  readonly control?: boolean | undefined
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
}

/** Control is open by default only to those who are on this host already. */
function toListener(raw: RawListener, context: z.RefinementCtx): ListenerConfig {
  const address = parseAddress(raw.address)
  if (address === undefined) return z.NEVER
  const isUnix = 'unixPath' in address
  const isLoopback = isUnix || isLoopbackHost(address.host)
  const auth = raw.auth ?? (isUnix ? 'peer' : 'none')
  const faces = new Set(raw.faces ?? defaultFaces(auth, isLoopback))
  const refuse = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message })
  if (!isUnix && auth === 'peer') refuse('auth', 'peer needs a unix: address')
  if (auth === 'token' && faces.has('meca')) refuse('faces', 'under auth: token, meca is not served by this version')
  const guarded = (['v1', 'docs', 'metrics'] as const).find((face) => faces.has(face))
  if (auth === 'none' && !isLoopback && guarded !== undefined) {
    refuse('faces', `beyond this host, ${guarded} needs auth: token`)
  }
  if (isUnix && raw.tls !== undefined) refuse('tls', 'is for TCP: a unix socket is not on any network')
  const tls = raw.tls && { certPath: raw.tls.cert, keyPath: raw.tls.key }
  return { address, isLoopback, faces, auth, hasControl: raw.control ?? isLoopback, ...(tls && { tls }) }
}

function defaultFaces(auth: ListenerConfig['auth'], isLoopback: boolean): FaceName[] {
  if (auth === 'token') return ['v1', 'metrics']
  return isLoopback ? ['meca', 'v1', 'docs', 'metrics'] : ['meca']
}

/** `HOST:PORT`, `[::1]:2591` or `unix:/path`; undefined for anything else. A host must be said: there is no "all". */
export function parseAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) return parseUnixPath(text.slice('unix:'.length))
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined || Number(port) > 65_535) return undefined
  const isHost = v6 === undefined ? isIP(host) === 4 || isHostName(host) : isIP(v6) === 6
  return isHost ? { host, port: Number(port) } : undefined
}

function parseUnixPath(path: string): ListenAddress | undefined {
  const isPath = /^\/[^\0]*[^/\0]$/.test(path) && Buffer.byteLength(path) <= MOST_SOCKET_PATH_BYTES
  return isPath ? { unixPath: path } : undefined
}

/** A last label of digits only is an address somebody mistyped: resolvers read `127.1` or `0` in ways of their own. */
export function isHostName(text: string): boolean {
  return (
    text.length <= 253 &&
    /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(text) &&
    !/(?:^|\.)\d+$/.test(text)
  )
}

function isLoopbackHost(host: string): boolean {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  const family = isIP(host)
  if (family === 0) return host.toLowerCase() === 'localhost'
  return loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
