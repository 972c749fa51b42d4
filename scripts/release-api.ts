import { readFileSync, writeFileSync } from 'node:fs'
import { type OpenApiDocument, openApiDocument } from '../src/http/openapi/document.ts'
import { V1_OPERATIONS } from '../src/http/v1/routes.ts'
import { releaseProblems } from './release-rule.ts'

// Writes docs/openapi.json: the interface of a release, which later changes are compared with. Part of making a release.
// What breaks programs is refused unless the version says so. `--unreleased`: no program can have been written for it,
// since the version that it names never was released.

function textOf(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

const { version } = JSON.parse(textOf('../package.json')) as { version: string }
const text = `${JSON.stringify(openApiDocument(V1_OPERATIONS, version), null, 2)}\n`
const problems = releaseProblems({
  before: JSON.parse(textOf('../docs/openapi.json')) as OpenApiDocument,
  after: JSON.parse(text) as OpenApiDocument,
  changelog: textOf('../CHANGELOG.md'),
  isUnreleased: process.argv.includes('--unreleased'),
})
if (problems.length === 0) {
  writeFileSync(new URL('../docs/openapi.json', import.meta.url), text)
} else {
  const why = 'docs/openapi.json stays: give package.json a version that may break programs, or do not break them'
  console.error([why, ...problems].join('\n  '))
  process.exitCode = 1
}
