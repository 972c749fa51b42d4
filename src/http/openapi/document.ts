import { type ErrorCode, HTTP_STATUS } from '../../core/errors.ts'
import { ID_PATTERN } from '../../core/ids.ts'
import type { Operation } from '../contract/operation.ts'
import { problem } from '../contract/problem.ts'
import { type JsonSchema, SchemaCollector } from './json-schema.ts'

export type AnyOperation = Operation<unknown, unknown, unknown, unknown>

/** As far as it is read again here. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: {
    readonly title: string
    readonly version: string
    readonly description: string
    readonly license: object
  }
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationEntry>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>>; readonly securitySchemes: object }
}

export interface OperationEntry {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description: string
  readonly security: readonly object[]
  readonly 'x-scope': string
  /** It takes every method, of which this is one. */
  readonly 'x-any-method'?: true
  readonly parameters?: readonly ParameterEntry[]
  readonly requestBody?: { readonly required: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, ResponseEntry>>
}

export interface ParameterEntry {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

export interface ResponseEntry {
  readonly description: string
  readonly headers?: Readonly<Record<string, object>>
  readonly content?: Content
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema; readonly examples?: object }>>

const TAGS = {
  executions: 'One run of a task to its end, with status, output and a bill.',
  tasks: 'Named tasks, whose warm instances answer requests.',
  invocations: 'Requests to named tasks that are answered later.',
  instances: 'Live sandboxes of named tasks.',
  node: 'The machine, and what happens on it.',
} satisfies Record<AnyOperation['tag'], string>

/** Of every operation: who asks has to be known, what is asked understood, and there must be memory to do so. */
const COMMON: readonly ErrorCode[] = [
  'validation_failed',
  'unauthenticated',
  'forbidden',
  'queue_full',
  'storage_error',
  'internal',
]

const ID: JsonSchema = { type: 'string', pattern: ID_PATTERN }
const METHODS_OF_ANY = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options']
const PROBLEM = 'What went wrong, as RFC 9457 has it.'

/** Describes operations as OpenAPI 3.1 does. Pure. */
export function openApiDocument(operations: readonly AnyOperation[], version: string): OpenApiDocument {
  const schemas = new SchemaCollector()
  const problemRef = schemas.answered(problem)
  const paths: Record<string, Record<string, OperationEntry>> = {}
  for (const operation of operations) {
    const entry = describeOperation(operation, schemas, problemRef)
    const path = operation.path.replace('/{path...}', '{path}')
    for (const [index, method] of methodsOf(operation).entries()) {
      const operationId = index === 0 ? operation.id : `${operation.id}By${method[0]?.toUpperCase()}${method.slice(1)}`
      paths[path] = { ...paths[path], [method]: { ...entry, operationId } }
    }
  }
  const used = new Set<string>(operations.map(({ tag }) => tag))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Errand',
      version,
      description:
        'Runs tasks on this machine. Sizes are bytes, times RFC 3339; `...Ms` are milliseconds. Requests that are no good as HTTP are refused with 400, 404, 405, 406, 408, 412, 413, 415, 421 or 431, whatever they ask for. HEAD is answered as GET is, without the body.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.named,
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Made by `errand token create`.' } },
    },
  }
}

function methodsOf({ method }: AnyOperation): readonly string[] {
  return method === 'ANY' ? METHODS_OF_ANY : [method.toLowerCase()]
}

function describeOperation(operation: AnyOperation, schemas: SchemaCollector, problemRef: JsonSchema): OperationEntry {
  const { id, tag, summary, description = '', scope } = operation
  const parameters = [
    ...pathParameters(operation),
    ...queryParameters(operation, schemas),
    ...headerParameters(operation),
  ]
  const requestBody = describeBody(operation, schemas)
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: [{ token: [] }],
    'x-scope': scope,
    ...(operation.method === 'ANY' && { 'x-any-method': true }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody !== undefined && { requestBody }),
    responses: { ...describeAnswers(operation, schemas), ...describeErrors(operation, problemRef) },
  }
}

function pathParameters({ path }: AnyOperation): ParameterEntry[] {
  return [...path.matchAll(/\{([a-z]+)(\.{3})?\}/g)].map(([, name = '', isOpen]) => ({
    name,
    in: 'path',
    required: true,
    ...(isOpen !== undefined && { description: 'Empty, or a slash and any path below.' }),
    schema: isOpen === undefined ? ID : { type: 'string' },
  }))
}

function queryParameters({ query }: AnyOperation, schemas: SchemaCollector): ParameterEntry[] {
  if (query === undefined) return []
  const { properties = {}, required = [] } = schemas.written(query)
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }))
}

function headerParameters({ headers = {} }: AnyOperation): ParameterEntry[] {
  return Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }))
}

function describeBody(operation: AnyOperation, schemas: SchemaCollector): OperationEntry['requestBody'] {
  const { body, streamedBody, examples = {} } = operation
  if (streamedBody !== undefined) {
    return { required: streamedBody !== '*', content: { [streamedBody === '*' ? '*/*' : streamedBody]: {} } }
  }
  if (body === undefined) return undefined
  const shown = Object.entries(examples).filter(([, { body: value }]) => value !== undefined)
  const named = shown.map(([name, { summary, body: value }]) => [name, { summary, value }])
  return {
    required: !body.safeParse({}).success,
    content: {
      'application/json': {
        schema: schemas.written(body),
        ...(named.length > 0 && { examples: Object.fromEntries(named) }),
      },
    },
  }
}

function describeAnswers({ answers }: AnyOperation, schemas: SchemaCollector): Record<string, ResponseEntry> {
  const entries = Object.entries(answers).map(([status, { description, value, streams = {}, headers = {} }]) => {
    const content: Content = {
      ...(value !== undefined && { 'application/json': { schema: schemas.answered(value) } }),
      ...Object.fromEntries(Object.entries(streams).map(([type, line]) => [type, describeStream(line, schemas)])),
    }
    const described = Object.entries(headers).map(([name, text]) => [
      name,
      { description: text, schema: { type: 'string' } },
    ])
    const entry: ResponseEntry = {
      description,
      ...(described.length > 0 && { headers: Object.fromEntries(described) }),
      ...(Object.keys(content).length > 0 && { content }),
    }
    return [status === '0' ? 'default' : status, entry]
  })
  return Object.fromEntries(entries)
}

/** OpenAPI 3.1 has no word for the items of a stream; where they have a shape, that is what is told. */
function describeStream(
  line: Parameters<SchemaCollector['answered']>[0] | undefined,
  schemas: SchemaCollector,
): { schema?: JsonSchema } {
  return line === undefined ? {} : { schema: schemas.answered(line) }
}

/** One entry for each status that a refusal can have, with its codes. */
function describeErrors({ errors = [] }: AnyOperation, problemRef: JsonSchema): Record<string, ResponseEntry> {
  const byStatus = Map.groupBy(new Set([...COMMON, ...errors]), (code) => HTTP_STATUS[code])
  const entries = [...byStatus]
    .toSorted(([a], [b]) => a - b)
    .map(([status, codes]) => {
      const description = `${codes.map((code) => `\`${code}\``).join(', ')}. ${PROBLEM}`
      return [status, { description, content: { 'application/problem+json': { schema: problemRef } } }]
    })
  return Object.fromEntries(entries)
}
