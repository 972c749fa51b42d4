/** What a figure is judged by. */
export interface Bound {
  readonly of: 'value' | 'ratio'
  readonly sense: 'at most' | 'at least' | 'exactly'
  readonly must: number
  readonly moonshot?: number
}

/** One figure of a row, with the floor that was measured beside it in the same run. */
export interface Measurement {
  /** Of the table in docs/performance.md: `P1`. */
  readonly row: string
  readonly what: string
  /** Of `value` and of the floor. */
  readonly unit: 'ms' | '/s' | 'MiB/s' | 'MiB' | 'bytes' | 'starts' | 'calls'
  readonly value: number
  readonly floor?: { readonly what: string; readonly value: number }
  /** Value against floor, in the way that the row defines. */
  readonly ratio?: number
  /** Least and most of what is judged, over the passes. */
  readonly spread?: readonly [number, number]
  /** Undefined for a figure that only informs. */
  readonly bound?: Bound
  readonly notes?: readonly string[]
}

export type Verdict = 'moonshot' | 'met' | 'LOST' | ''

export function judge({ value, ratio, bound }: Measurement): Verdict {
  if (bound === undefined) return ''
  const judged = bound.of === 'ratio' ? (ratio ?? Number.NaN) : value
  if (bound.moonshot !== undefined && holds(judged, bound.sense, bound.moonshot)) return 'moonshot'
  return holds(judged, bound.sense, bound.must) ? 'met' : 'LOST'
}

function holds(judged: number, sense: Bound['sense'], limit: number): boolean {
  switch (sense) {
    case 'at most':
      return judged <= limit
    case 'at least':
      return judged >= limit
    case 'exactly':
      return judged === limit
    default:
      return sense satisfies never
  }
}

/** What a row gets to work with. */
export interface BenchContext {
  /** The folder of the built package's JavaScript. */
  readonly dist: string
  /** Short runs: enough to see that a row works, not enough to quote its figures. */
  readonly isQuick: boolean
  /** Aborts when the run is interrupted. A row must then end soon and leave nothing behind. */
  readonly signal: AbortSignal
  /** Tells the person who waits what is going on. */
  readonly say: (text: string) => void
}

export interface Row {
  readonly name: string
  readonly title: string
  measure(context: BenchContext): Promise<Measurement[]>
}
