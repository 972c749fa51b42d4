/** What is compared of a version: numbers, what precedes the release, and what a distribution added. */
export interface Version {
  readonly numbers: readonly number[]
  /** `rc.1`; absent for a release. */
  readonly preRelease?: string
  /** The whole of it, as it was told. */
  readonly text: string
}

/**
 * Reads `28.2.2`, `v1.7.13`, `1.2.0-rc.1`, `20.10.24+dfsg1`, `1.1.5+ds1-1+deb12u1` and `release-20221219.0`; undefined for
 * anything else.
 */
export function parseVersion(text: string): Version | undefined {
  const match = /^(?:v|release-)?(\d+(?:\.\d+)*)(?:[-~](rc[.\d]*|beta[.\d]*|alpha[.\d]*))?(?![0-9a-z])/.exec(
    text.trim(),
  )
  if (match === null) return undefined
  const numbers = (match[1] ?? '').split('.').map(Number)
  const preRelease = match[2]
  return { numbers, text: text.trim(), ...(preRelease !== undefined && { preRelease }) }
}

/** Whether a version is the one named, or later. What comes before a release is earlier than it. */
export function isAtLeast(version: Version, least: string): boolean {
  const bound = parseVersion(least)
  if (bound === undefined) throw new RangeError(`${least} is no version`)
  const length = Math.max(version.numbers.length, bound.numbers.length)
  for (let at = 0; at < length; at++) {
    const difference = (version.numbers[at] ?? 0) - (bound.numbers[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  if (version.preRelease === undefined) return true
  return (
    bound.preRelease !== undefined && version.preRelease.localeCompare(bound.preRelease, 'en', { numeric: true }) >= 0
  )
}

/** From `first` up to, and not with, `end`. */
export function isWithin(version: Version, first: string, end: string): boolean {
  return isAtLeast(version, first) && !isAtLeast(version, end)
}

/** The revision of a Debian release's package: 1 of `1.1.5+ds1-1+deb12u1`; undefined for what is no such package. */
export function debianRevision(version: Version, release: number): number | undefined {
  const [, ofRelease, revision] = /\+deb(\d{1,3})u(\d{1,4})$/.exec(version.text) ?? []
  return Number(ofRelease) === release ? Number(revision) : undefined
}
