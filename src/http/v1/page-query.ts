import type { PageQuery } from '../../journal/journal.ts'
import type { ListQuery } from '../contract/requests.ts'

/** What a list is of, in the words of the service. */
export function toPageQuery({ status, job, label, since, until, limit, cursor }: ListQuery): PageQuery {
  return {
    limit,
    ...(status !== undefined && { statuses: status }),
    ...(job !== undefined && { jobId: job }),
    ...(label !== undefined && { labels: Object.fromEntries(label.map(splitLabel)) }),
    ...(since !== undefined && { sinceMs: Date.parse(since) }),
    ...(until !== undefined && { untilMs: Date.parse(until) }),
    ...(cursor !== undefined && { cursor }),
  }
}

/** At the first `=`: keys hold none. */
function splitLabel(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}
