/** Between two neighbours only, never for whoever is behind them (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * What a task is not told: who its caller is with us, by whatever the caller proves it; what others claim of the caller's
 * way here; and what is said anew for the task's own connection.
 */
const NOT_FOR_TASKS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cookie',
  'cookie2',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'http2-settings',
  'x-real-ip',
])

/**
 * What a task cannot say to callers: it is served under our address, with other tasks, so that nothing in its name may be
 * remembered for all of them.
 */
const NOT_FOR_CALLERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'alt-svc',
  'clear-site-data',
  'public-key-pins',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'strict-transport-security',
])

/** Never after a body: they say how it was to be read, or whether. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...NOT_FOR_CALLERS,
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'host',
  'location',
])

/** Ours: by these callers tell us what a task need not know, and tell our answers from a task's. */
const OURS = 'errand-'

/** The headers of a caller that its task gets. Lists are names and values in turn. */
export function headersForTask(raw: readonly string[]): string[] {
  return withoutThose(
    raw,
    (name) => NOT_FOR_TASKS.has(name) || name.startsWith('x-forwarded-') || name.startsWith(OURS),
  )
}

/** The headers of a task's answer that its caller gets. */
export function headersForCaller(raw: readonly string[], status: number): string[] {
  const hasNoLength = status === 204
  return withoutThose(
    raw,
    (name) => NOT_FOR_CALLERS.has(name) || name.startsWith(OURS) || (hasNoLength && name === 'content-length'),
  )
}

/** The trailers of a task's answer that its caller gets. */
export function trailersForCaller(raw: readonly string[]): string[] {
  return withoutThose(raw, (name) => NOT_IN_TRAILERS.has(name) || name.startsWith(OURS))
}

function withoutThose(raw: readonly string[], isLeftOut: (name: string) => boolean): string[] {
  const named = namedByConnection(raw)
  const kept: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    if (!isLeftOut(name) && named?.has(name) !== true) kept.push(raw[at] ?? '', raw[at + 1] ?? '')
  }
  return kept
}

/** Whatever `Connection` names is between two neighbours, too. */
function namedByConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]?.length !== 10 || raw[at]?.toLowerCase() !== 'connection') continue
    named ??= new Set()
    for (const token of (raw[at + 1] ?? '').toLowerCase().split(',')) named.add(token.trim())
  }
  return named
}
