import { parse } from 'yaml'
import { checkValue } from './check-value.ts'

/**
 * The value that a text from the environment or the command line stands for: the text itself where the key takes it,
 * else what it means in YAML, so that `4`, `true` and `[a, b]` work.
 */
export function readText(key: string, text: string): unknown {
  if (checkValue(key, text).length === 0) return text
  try {
    return parse(text, { prettyErrors: false, logLevel: 'error' })
  } catch {
    return text
  }
}
