/**
 * A test for full names of images (`docker.io/library/alpine:3`): `*` stands for anything but a slash, `**` for anything.
 * A glob without a tag means every tag and digest. Not made into a pattern: names come from callers, and one with many
 * wildcards could be made to try for minutes.
 */
export function imageGlob(glob: string): (name: string) => boolean {
  const parts = glob.toLowerCase().split(/(\*\*|\*)/)
  return (name) => matches(parts, name.toLowerCase())
}

/** Follows all ways at once: the places in `name` that the parts so far can have led to. */
function matches(parts: readonly string[], name: string): boolean {
  let places: ReadonlySet<number> = new Set([0])
  for (const part of parts) places = after(part, places, name)
  return [...places].some((place) => place === name.length || isTagOrDigest(name, place))
}

function after(part: string, places: ReadonlySet<number>, name: string): ReadonlySet<number> {
  const next = new Set<number>()
  for (const place of places) {
    if (part !== '*' && part !== '**') {
      if (name.startsWith(part, place)) next.add(place + part.length)
      continue
    }
    // Places come in rising order: whatever follows one that is there already is there too.
    for (let at = place; at <= name.length && !next.has(at); at += 1) {
      next.add(at)
      if (part === '*' && name[at] === '/') break
    }
  }
  return next
}

function isTagOrDigest(name: string, place: number): boolean {
  return (name[place] === ':' || name[place] === '@') && !name.includes('/', place)
}
