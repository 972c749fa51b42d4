import { notAcceptable } from './status-error.ts'

/** One part of an `Accept` header: what it names, and how much that is wanted. */
interface Wish {
  readonly type: string
  readonly weight: number
}

/** How closely a wish names a type: exactly, its kind such as `text/*`, anything, or not at all. */
const EXACT = 3
const KIND = 2
const ANYTHING = 1

const WEIGHT = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/

/**
 * The content type that is wanted most, by RFC 9110: the weight of what names a type most closely counts for it. Of those
 * that are wanted alike the one that is named more closely, then the one that is named first; the first of `offered` for
 * whoever does not care.
 * @throws StatusError 406 when none of them will do
 */
export function chooseType(accept: string | undefined, offered: readonly [string, ...string[]]): string {
  const wishes = (accept ?? '').split(',').flatMap(wishIn)
  if (wishes.length === 0) return offered[0]
  const wanted = offered
    .map((type) => ({ type, ...wishFor(type, wishes) }))
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight || b.closeness - a.closeness || a.place - b.place)
  const [best] = wanted
  if (best === undefined) throw notAcceptable(offered)
  return best.type
}

function wishIn(part: string): Wish[] {
  const [type = '', ...parameters] = part.split(';').map((each) => each.trim().toLowerCase())
  if (type === '') return []
  const weight = parameters.find((each) => each.startsWith('q='))?.slice(2)
  return [{ type, weight: weight !== undefined && WEIGHT.test(weight) ? Number(weight) : 1 }]
}

function wishFor(type: string, wishes: readonly Wish[]): { weight: number; closeness: number; place: number } {
  let found = { weight: 0, closeness: 0, place: 0 }
  for (const [place, wish] of wishes.entries()) {
    const closeness = closenessOf(wish.type, type)
    if (closeness > found.closeness) found = { weight: wish.weight, closeness, place }
  }
  return found
}

function closenessOf(wish: string, type: string): number {
  if (wish === type) return EXACT
  if (wish === `${type.split('/', 1)[0]}/*`) return KIND
  return wish === '*/*' ? ANYTHING : 0
}
