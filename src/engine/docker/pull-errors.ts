import { ErrandError, type ErrorCode } from '../../core/errors.ts'

/** What went wrong with a pull: a code of ours, or the one kind of `registry_unavailable` that has to wait longer. */
type PullFailure = ErrorCode | 'rate_limited'

/** The texts of one generation of Engines. Every failure of a registry is a 500: the cause is in the text alone. */
interface PullTexts {
  readonly engines: string
  /** Whether each text was provoked on such an Engine; else it was read in reports of others. */
  readonly isProvoked: boolean
  /** The first match counts. What a registry says comes first in a text, so its words are matched there only. */
  readonly rules: readonly (readonly [text: RegExp, failure: PullFailure])[]
}

/** Tables of all Engines, the oldest first. Their texts do not contradict each other, so that all are asked in turn. */
export const PULL_TEXTS: readonly PullTexts[] = [
  {
    engines: '20.10, and later ones with the classic image store',
    isProvoked: true,
    rules: [
      [/^toomanyrequests\b|^error parsing HTTP 429 /, 'rate_limited'],
      [/no basic auth credentials$|^unauthorized\b|^denied\b|^pull access denied for /, 'image_auth'],
      [/^error parsing HTTP 40[13] /, 'image_auth'],
      [
        /^manifest unknown\b|^manifest for \S+ not found|^(repository \S+ not found: )?name unknown\b|^error parsing HTTP 404 /,
        'image_not_found',
      ],
      [/no space left on device/, 'storage_full'],
      [/^(manifest|filesystem layer) verification failed for digest /, 'image_invalid'],
      [/^no matching manifest for |^image operating system .* cannot be used on this platform/, 'image_invalid'],
      [/^invalid character |^error unmarshalling content: |^missing signature key$/, 'image_invalid'],
      [/^missing or empty Content-(Type|Length) header$/, 'image_invalid'],
      [/^Encountered remote |unknown blob$|^failed to register layer: /, 'image_invalid'],
      [/^unsupported (manifest|media|os)\b/i, 'image_invalid'],
    ],
  },
  {
    engines: '23 and later with the containerd image store',
    isProvoked: false,
    rules: [
      [/\b429 Too Many Requests\b|\btoomanyrequests: /, 'rate_limited'],
      [/\b(401 Unauthorized|403 Forbidden)\b|authorization failed|\bpull access denied\b/, 'image_auth'],
      [/\bno match for platform in manifest\b/, 'image_invalid'],
      [/\b404 Not Found\b|^failed to resolve reference .*: not found$/, 'image_not_found'],
      [/\bunexpected commit (digest|size)\b|\bfailed to (extract|apply) layer\b/, 'image_invalid'],
      [/\bmediatype .* not supported\b|\bmismatched (image rootfs|rootfs)\b/i, 'image_invalid'],
    ],
  },
]

/** Where a registry that limits our rate does not say how long to wait. */
const RATE_LIMIT_MS = 30_000
const LONGEST_RATE_LIMIT_S = 86_400
const RETRY_MS = 1000

/** The Engine's refusal of a pull, classified by its words. */
export function pullError(status: number, message: string): ErrandError {
  const text = message.trim()
  // Nearly all that a registry does beside these is worth another try, whatever its words.
  const failure = classify(text) ?? 'registry_unavailable'
  const facts = { operation: 'pull', status }
  const shown = `Docker Engine: ${withoutForeignWords(text)}`
  if (failure === 'rate_limited') {
    const details = { ...facts, registryStatus: 429 }
    return new ErrandError('registry_unavailable', shown, { details, retryAfterMs: retryAfterMs(text) })
  }
  const retry = failure === 'registry_unavailable' ? { retryAfterMs: RETRY_MS } : {}
  return new ErrandError(failure, shown, { details: facts, ...retry })
}

function classify(text: string): PullFailure | undefined {
  for (const { rules } of PULL_TEXTS) {
    const rule = rules.find(([pattern]) => pattern.test(text))
    if (rule !== undefined) return rule[1]
  }
  return undefined
}

/** The Engine hands on no header; some registries say it in words. */
function retryAfterMs(text: string): number {
  const [, seconds] = /retry[- ]after\W{1,3}(\d{1,6})\b/i.exec(text) ?? []
  return seconds === undefined ? RATE_LIMIT_MS : Math.min(Number(seconds), LONGEST_RATE_LIMIT_S) * 1000
}

const MOST_SHOWN = 400

/**
 * Callers see this text. The Engine quotes what the other side answered, and whatever answers at an address that a
 * caller chose is not for the caller to read; queries of URLs name the account.
 */
function withoutForeignWords(text: string): string {
  const shown = text
    .replace(/(error parsing HTTP \d{3} response body): .*$/s, '$1')
    .replace(/(\bhttps?:\/\/[^\s"?]*)\?[^\s"]*/g, '$1')
    .replace(/\p{Cc}/gu, ' ')
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}...` : shown
}
