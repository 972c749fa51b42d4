import { checkValue } from './check-value.ts'
import type { ConfigProblem, Origin } from './config-error.ts'

/** One value as it was written. */
export interface Entry {
  readonly key: string
  readonly value: unknown
  readonly origin: Origin
  /** Where a part of the value stands, for values that fill several lines. */
  readonly originOf?: (path: readonly (string | number)[]) => Origin
}

/** What one source says: file, environment or flags. */
export interface Layer {
  readonly entries: readonly Entry[]
  readonly problems: readonly ConfigProblem[]
}

/** Every value is checked, also one that a higher layer replaces: a broken file is never masked. */
export function checkEntries({ entries }: Layer): ConfigProblem[] {
  return entries.flatMap((entry) =>
    checkValue(entry.key, entry.value).map(({ path, message }) => ({
      origin: entry.originOf?.(path) ?? entry.origin,
      key: describePath(entry.key, path),
      message,
    })),
  )
}

/** `listen[1].faces[0]` */
function describePath(key: string, path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : `${text}.${step}`), key)
}
