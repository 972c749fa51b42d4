import { z } from 'zod'
import { LONGEST_DELAY_MS } from '../util/quantity.ts'
import { ID_PATTERN, isId } from './ids.ts'

// Fields that mean the same wherever somebody asks for something: on the wire, and in the words of the service.

/** Of anything that a request lists. */
export const MOST_ITEMS = 1000

export const id: z.ZodType<string, string> = z
  .string()
  .refine(isId, `must match ${ID_PATTERN}`)
  .meta({ pattern: ID_PATTERN })

export const milliseconds: z.ZodType<number, number> = z.int().min(0).max(LONGEST_DELAY_MS)

export const port: z.ZodType<number, number> = z.int().min(1).max(65_535)

/** The name of a variable: without `=`, which would make another one of it. */
export const variable: z.ZodType<string, string> = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,255}$/, 'must be the name of a variable, 256 characters at most')

/** Names or numbers, as the image has them. */
export const user: z.ZodType<string, string> = z
  .string()
  .regex(/^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63}(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,63})?$/, 'must be USER or USER:GROUP')

/** When a server is ready. */
export const readiness: z.ZodType<string, string> = z
  .string()
  .regex(/^(?:mark|connect|http:\/[!-~]*)$/, 'must be mark, connect or http:PATH')

/** Requests that one instance answers at once. */
export const concurrency: z.ZodType<number | 'unlimited', number | 'unlimited'> = z.union([
  z.int().min(1).max(1_000_000),
  z.literal('unlimited'),
])
