/**
 * `problem`: Errand does not work here, or what it promises does not hold. `warning`: it works, and something is weaker than
 * it could be.
 */
export type FindingLevel = 'ok' | 'warning' | 'problem'

/** What one look at this machine came to. */
export interface Finding {
  /** What was looked at, in a word or two: unique in a report. */
  readonly check: string
  readonly level: FindingLevel
  /** What is so. May carry text of others. */
  readonly found: string
  /** What to do, in one line; absent where all is well. */
  readonly advice?: string
}

export function ok(check: string, found: string): Finding {
  return { check, level: 'ok', found }
}

export function warning(check: string, found: string, advice: string): Finding {
  return { check, level: 'warning', found, advice }
}

export function problem(check: string, found: string, advice: string): Finding {
  return { check, level: 'problem', found, advice }
}
