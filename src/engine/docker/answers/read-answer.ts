import { z } from 'zod'
import { ErrandError } from '../../../core/errors.ts'

/**
 * An answer of the Engine, of which a schema names only the fields that we read.
 * @throws internal when it is something else than the Engine's API says
 */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  throw new ErrandError('internal', `the Docker Engine answered against its API: ${z.prettifyError(result.error)}`)
}

/** @throws internal as `readAnswer` does */
export function readJson<T>(schema: z.ZodType<T>, body: string): T {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch (cause) {
    throw new ErrandError('internal', 'the Docker Engine answered no JSON', { cause })
  }
  return readAnswer(schema, answer)
}
