/** Where a value came from. A layer's position in this union is its rank: defaults lose to a file, flags win. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly path: string; readonly line: number }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string }

export function describeOrigin(origin: Origin): string {
  switch (origin.kind) {
    case 'default':
      return 'default'
    case 'file':
      return `${origin.path}:${origin.line}`
    case 'environment':
      return `environment ${origin.name}`
    case 'flag':
      return `flag ${origin.name}`
    default:
      return origin satisfies never
  }
}

export interface ConfigProblem {
  readonly origin: Origin
  /** Dotted; undefined when the problem is no key's. */
  readonly key: string | undefined
  /** Follows the key in a sentence: `must be ...`. */
  readonly message: string
}

/** `/etc/errand/errand.yaml:12: tasks.startTimeoutMs: must be ...` */
export function describeProblem({ origin, key, message }: ConfigProblem): string {
  return [describeOrigin(origin), key, message].filter((part) => part !== undefined).join(': ')
}

/** The configuration cannot be used. Carries every problem found, those of the file first and by line. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const sorted = problems.toSorted((a, b) => rank(a.origin) - rank(b.origin))
    super(sorted.map(describeProblem).join('\n'))
    this.name = new.target.name
    this.problems = sorted
  }
}

/** Sorting is stable: problems without a line keep the order in which they were found. */
function rank(origin: Origin): number {
  switch (origin.kind) {
    case 'file':
      return origin.line
    case 'environment':
      return 1e9
    case 'flag':
      return 2e9
    case 'default':
      return 3e9
    default:
      return origin satisfies never
  }
}
