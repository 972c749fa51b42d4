import { ErrandError } from '../../core/errors.ts'

/** Of the characters that a URI is made of, those that a path or a query may have (RFC 3986, sections 3.3 and 3.4). */
const PLAIN = /^[\w.~!$&'()*+,;=:@/?%-]*$/
const NOT_PLAIN = /[^\w.~!$&'()*+,;=:@/?%-]/g
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/

/**
 * What a task is asked for: a path that begins with one slash, whatever stands below `invoke`. It is only ever sent to the
 * task's own connection, so that it cannot lead anywhere else; nothing in it is made shorter or decoded, and what is no
 * URI is escaped.
 * @throws validation_failed for a path that begins with two slashes, which servers take for a host, and a broken escape
 */
export function taskPath(tail: string, query: string): string {
  if (tail.startsWith('//') || /^\/%(?:2f|5c)/i.test(tail) || tail.startsWith('/\\')) {
    throw new ErrandError('validation_failed', 'path: must not begin with two slashes')
  }
  const asked = `${tail === '' ? '/' : tail}${query === '' ? '' : `?${query}`}`
  if (BAD_ESCAPE.test(asked)) throw new ErrandError('validation_failed', 'path: % must be followed by two hex digits')
  return PLAIN.test(asked) ? asked : asked.replace(NOT_PLAIN, escaped)
}

/** Node hands bytes on as characters up to U+00FF. */
function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
