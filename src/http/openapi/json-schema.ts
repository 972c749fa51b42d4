import { z } from 'zod'

/** A schema as JSON Schema 2020-12 has it, which is what OpenAPI 3.1 takes. */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly anyOf?: readonly JsonSchema[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly [keyword: string]: unknown
}

/** Collects the schemas of one document: those with a name stand once, and are referred to. */
export class SchemaCollector {
  readonly #named = new Map<string, JsonSchema>()

  /** What has a name so far, in the order of the alphabet. */
  get named(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#named].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** What may be written. A key that is not known is refused, and the schema says so. */
  written(schema: z.ZodType): JsonSchema {
    return this.#collect(schema, 'input')
  }

  /** What is answered. Later versions may add to it, so readers must not mind keys that they do not know. */
  answered(schema: z.ZodType): JsonSchema {
    return this.#collect(schema, 'output')
  }

  #collect(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    const { $schema: _dialect, $defs = {}, ...root } = z.toJSONSchema(schema, { io }) as Described
    for (const [name, definition] of Object.entries($defs)) this.#named.set(name, tidy(definition, io))
    return tidy(root, io)
  }
}

/** As zod writes it; whole schemas that are `true` or `false` do not come of ours. */
interface Described extends JsonSchema {
  readonly $defs?: Readonly<Record<string, JsonSchema>>
}

function tidy(value: JsonSchema, io: 'input' | 'output'): JsonSchema {
  return tidyAny(value, io) as JsonSchema
}

function tidyAny(value: unknown, io: 'input' | 'output'): unknown {
  if (Array.isArray(value)) return value.map((item) => tidyAny(item, io))
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key, inner]) => !isNoise(key, inner, io, value))
  return Object.fromEntries(kept.map(([key, inner]) => [key, key === '$ref' ? refOf(inner) : tidyAny(inner, io)]))
}

/** What says nothing to a reader, or what would bind later versions. */
function isNoise(key: string, value: unknown, io: 'input' | 'output', owner: object): boolean {
  if (key === 'additionalProperties') return io === 'output' && value === false
  if (key === 'maximum') return value === Number.MAX_SAFE_INTEGER
  if (key === 'minimum') return value === Number.MIN_SAFE_INTEGER
  if (key === 'propertyNames') return JSON.stringify(value) === '{"type":"string"}'
  return key === 'pattern' && 'format' in owner
}

function refOf(reference: unknown): string {
  return String(reference).replace('#/$defs/', '#/components/schemas/')
}
