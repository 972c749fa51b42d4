import { StatusError } from './status-error.ts'

/**
 * Whether the `If-Match` of a request allows a change of what has that entity tag now (RFC 9110, section 13.1.1). Without
 * one everything is allowed.
 * @throws StatusError 412
 */
export function assertMatches(asked: string | undefined, tag: string | undefined): void {
  const wanted = asked?.split(',').map((each) => each.trim())
  if (wanted === undefined || wanted.includes('*') || (tag !== undefined && wanted.includes(tag))) return
  throw new StatusError(412, 'If-Match: it is another one by now: look at it again', { etag: tag ?? null })
}
