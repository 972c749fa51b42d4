import { LISTENER_KEYS, listen } from '../../src/daemon/config/listen.ts'
import type { FaceName, ListenerConfig } from '../../src/http/listener-config.ts'

/** Every value of every key of a listener, as it is written; undefined for not at all. A new face does not compile without one. */
const FACES: Readonly<Record<FaceName, true>> = { meca: true, v1: true, docs: true, metrics: true }
const VALUES = {
  address: ['127.0.0.1:0', '0.0.0.0:0', 'unix:'],
  faces: [undefined, ...subsetsOf(Object.keys(FACES))],
  auth: [undefined, 'none', 'peer', 'token'] satisfies (ListenerConfig['auth'] | undefined)[],
  control: [undefined, true, false],
  tls: [undefined, true],
} as const
const INNER_KEYS = ['cert', 'key']

/** One kind of listener that the configuration accepts. */
export interface ListenerKind {
  /** What tells it from all others: `0.0.0.0 token v1 tls`. */
  readonly name: string
  /** As it is written in the configuration. */
  readonly written: Readonly<Record<string, unknown>>
  readonly config: ListenerConfig
}

/** Which keys a listener has that no kind is made of: to be empty. */
export function unknownListenerKeys(): readonly string[] {
  return LISTENER_KEYS.filter((key) => !Object.hasOwn(VALUES, key) && !INNER_KEYS.includes(key))
}

/** Every kind that can be written, once, however it is spelt. Unix sockets lie in `folder`. */
export function listenerKinds(folder: string, tls: { readonly cert: string; readonly key: string }): ListenerKind[] {
  const kinds = new Map<string, ListenerKind>()
  for (const written of combinations()) {
    const address = written.address === 'unix:' ? `unix:${folder}/${kinds.size}.sock` : written.address
    const entry = { ...written, address, ...(written.tls !== undefined && { tls }) }
    const { data } = listen.safeParse([entry])
    const config = data?.[0]
    if (config === undefined) continue
    const name = nameOf(config)
    if (!kinds.has(name)) kinds.set(name, { name, written: entry, config })
  }
  return [...kinds.values()]
}

function combinations(): Record<string, unknown>[] {
  let rows: Record<string, unknown>[] = [{}]
  for (const [key, values] of Object.entries(VALUES)) {
    rows = rows.flatMap((row) => values.map((value) => (value === undefined ? row : { ...row, [key]: value })))
  }
  return rows
}

function nameOf({ address, auth, faces, hasControl, tls }: ListenerConfig): string {
  const where = 'unixPath' in address ? 'unix' : address.host
  return [where, auth, ...[...faces].toSorted(), hasControl ? 'control' : [], tls === undefined ? [] : 'tls']
    .flat()
    .join(' ')
}

/** All but the empty one. */
function subsetsOf(names: readonly string[]): string[][] {
  const subsets = names.reduce<string[][]>((found, name) => found.flatMap((each) => [each, [...each, name]]), [[]])
  return subsets.filter((each) => each.length > 0)
}
