import { ErrandError } from '../../core/errors.ts'

/** Debian 12's Engine 20.10 speaks at most this. */
const LEAST: Version = [1, 41]
/** The newest that we know. A newer Engine still speaks it. */
const NEWEST: Version = [1, 51]

type Version = readonly [major: number, minor: number]

/**
 * The API version to speak with an Engine whose newest is `offered`, as its answer to a ping says.
 * @throws engine_unavailable when it is no Docker Engine, or one that is too old
 */
export function negotiate(offered: string): string {
  const parsed = parse(offered)
  if (parsed === undefined) {
    throw new ErrandError('engine_unavailable', 'what answers on the socket is not a Docker Engine')
  }
  if (compare(parsed, LEAST) < 0) {
    throw new ErrandError(
      'engine_unavailable',
      `the Docker Engine is too old: it speaks API ${offered}, and ${LEAST.join('.')} (Engine 20.10) is the least`,
      { details: { offered, least: LEAST.join('.') } },
    )
  }
  return (compare(parsed, NEWEST) < 0 ? parsed : NEWEST).join('.')
}

function parse(text: string): Version | undefined {
  const match = /^(\d+)\.(\d+)$/.exec(text)
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1]
}
