import { readFileSync, writeFileSync } from 'node:fs'
import { openApiDocument } from '../src/http/openapi/document.ts'
import { V1_OPERATIONS } from '../src/http/v1/routes.ts'

// Writes docs/openapi.json: the interface of a release, which later changes are compared with. Part of making a release.

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const document = openApiDocument(V1_OPERATIONS, version)
writeFileSync(new URL('../docs/openapi.json', import.meta.url), `${JSON.stringify(document, null, 2)}\n`)
