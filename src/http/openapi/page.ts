import type { OpenApiDocument, OperationEntry, ParameterEntry, ResponseEntry } from './document.ts'
import { type Html, html } from './html.ts'
import type { JsonSchema } from './json-schema.ts'

/** How deep a shape is written out; what is deeper has a name of its own, or is told by the document itself. */
const MOST_DEPTH = 8

/** The document as one page for people: no script, and nothing that is not on this listener. Pure. */
export function docsPage(document: OpenApiDocument): string {
  const { info, tags, components } = document
  const sections = tags.map(({ name, description }) => {
    const operations = operationsOf(document, name)
    return html`<section id="${name}"><h2>${name}</h2><p>${description}</p>${operations.map(operationBlock)}</section>`
  })
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) => html`<article id="schema-${name}"><h3>${name}</h3>${shapeOf(schema)}</article>`,
  )
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${info.title} ${info.version}</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<nav><h1>${info.title} ${info.version}</h1>${tags.map((tag) => navigation(document, tag.name))}
<p><a href="#schemas">Shapes</a></p><p><a href="/openapi.json">openapi.json</a></p></nav>
<main><p>${prose(info.description)}</p>${sections}<section id="schemas"><h2>Shapes</h2>${shapes}</section></main>
</body>
</html>
`
  return page.html
}

interface PlacedOperation extends OperationEntry {
  readonly method: string
  readonly path: string
}

function operationsOf({ paths }: OpenApiDocument, tag: string): PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, entries]) => {
    const [first, ...others] = Object.entries(entries)
      .map(([method, entry]) => ({ ...entry, method: method.toUpperCase(), path }))
      .filter(({ tags }) => tags.includes(tag))
    if (first === undefined) return []
    // What is passed on whatever its method is told once.
    return first['x-any-method'] === true ? [{ ...first, method: 'ANY' }] : [first, ...others]
  })
}

/** Text of ours, in which backquotes stand around words of programs. */
function prose(text: string): Html {
  return html`${text.split('`').map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))}`
}

function navigation(document: OpenApiDocument, tag: string): Html {
  const items = operationsOf(document, tag).map(
    ({ operationId, method, path }) =>
      html`<li><a href="#${operationId}"><b>${method}</b> ${path.replace('/v1', '')}</a></li>`,
  )
  return html`<h2><a href="#${tag}">${tag}</a></h2><ul>${items}</ul>`
}

function operationBlock(operation: PlacedOperation): Html {
  const { operationId, method, path, summary, description, parameters = [], requestBody, responses } = operation
  return html`<article id="${operationId}">
<h3><code class="${method.toLowerCase()}">${method}</code> <code>${path}</code></h3>
<p>${prose(summary)}</p>${description === '' ? html`` : html`<p>${prose(description)}</p>`}
<p>Scope: <code>${operation['x-scope']}</code></p>
${parameters.length === 0 ? [] : [parameterTable(parameters)]}
${requestBody === undefined ? [] : [html`<h4>Body</h4>`, ...Object.entries(requestBody.content).map(contentBlock)]}
${curlOf(operation)}
<h4>Answers</h4>${Object.entries(responses).map(responseBlock)}
</article>`
}

function parameterTable(parameters: readonly ParameterEntry[]): Html {
  const rows = parameters.map(
    ({ name, in: place, required, description = '', schema }) =>
      html`<tr><td><code>${name}</code></td><td>${place}${required ? ', required' : ''}</td><td>${typeOf(schema)}</td><td>${prose(description)}</td></tr>`,
  )
  return html`<table>${rows}</table>`
}

/** The first example as a command that works as it stands, given a token and whatever its path names. */
function curlOf({ method, path, requestBody }: PlacedOperation): Html {
  const [example] = Object.values(requestBody?.content['application/json']?.examples ?? {}) as { value: unknown }[]
  if (example === undefined) return html``
  const body = JSON.stringify(example.value, null, 2)
  const named = path.replaceAll(/\{([a-z]+)\}/g, (_, name: string) => `$${name.toUpperCase()}`)
  const command = `curl -X ${method} -H "authorization: Bearer $ERRAND_TOKEN" -H 'content-type: application/json' http://127.0.0.1:2591${named} -d '${body}'`
  return html`<pre>${command}</pre>`
}

function responseBlock([status, { description, content = {} }]: [string, ResponseEntry]): Html {
  return html`<div class="answer"><p><code>${status}</code> ${prose(description)}</p>${Object.entries(content).map(contentBlock)}</div>`
}

function contentBlock([type, { schema }]: [string, { readonly schema?: JsonSchema }]): Html {
  const shape = schema === undefined ? html`` : schema.$ref !== undefined ? typeOf(schema) : shapeOf(schema)
  return html`<div><code>${type}</code> ${shape}</div>`
}

/** Properties, one below the other. */
function shapeOf(schema: JsonSchema, depth = 0): Html {
  const { properties } = schema
  if (properties === undefined || depth > MOST_DEPTH) return typeOf(schema)
  const required = new Set(schema.required)
  const items = Object.entries(properties).map(([name, inner]) => {
    const nested = shapeInside(inner)
    const below = nested === undefined ? html`` : shapeOf(nested, depth + 1)
    const described = inner.description === undefined ? '' : `: ${inner.description}`
    return html`<li><code>${name}</code>${required.has(name) ? '' : '?'} ${typeOf(inner)}${described}${below}</li>`
  })
  return html`<ul>${items}</ul>`
}

/** Of an object, or of the items of a list. */
function shapeInside(schema: JsonSchema): JsonSchema | undefined {
  if (schema.properties !== undefined) return schema
  const { items } = schema
  return items === undefined ? undefined : shapeInside(items)
}

function typeOf(schema: JsonSchema): Html {
  const { $ref, type, enum: values, items, anyOf, const: only } = schema
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1)
    return html`<a href="#schema-${name}">${name}</a>`
  }
  if (values !== undefined) return html`<i>${values.map((value) => JSON.stringify(value)).join(' | ')}</i>`
  if (only !== undefined) return html`<i>${JSON.stringify(only)}</i>`
  if (anyOf !== undefined)
    return html`${anyOf.flatMap((each, index) => (index === 0 ? [typeOf(each)] : [html` or `, typeOf(each)]))}`
  if (items !== undefined) return html`<i>list of</i> ${typeOf(items)}`
  return html`<i>${[type ?? 'any'].flat().join(' or ')}</i>`
}
