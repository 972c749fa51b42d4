import assert from 'node:assert/strict'
import { test } from 'node:test'
import { releaseProblems } from '../scripts/release-rule.ts'
import { type OpenApiDocument, openApiDocument } from '../src/http/openapi/document.ts'
import { V1_OPERATIONS } from '../src/http/v1/routes.ts'

const CHANGELOG = '# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-01\n'
const BREAK = ['GET /v1/node is gone', 'GET /v1/node/config is gone', 'PATCH /v1/node/config is gone']

/** What is said when a version that misses some routes is to follow another. */
function problems(before: string, after: string, isUnreleased = false, changelog = CHANGELOG): string[] {
  const isKept = ({ path }: { readonly path: string }): boolean => !/^\/v1\/node(?:\/config)?$/.test(path)
  return releaseProblems({
    before: documentOf(before),
    after: openApiDocument(V1_OPERATIONS.filter(isKept), after),
    changelog,
    isUnreleased,
  })
}

function documentOf(version: string): OpenApiDocument {
  return openApiDocument(V1_OPERATIONS, version)
}

test('what breaks programs is released with a new major version alone, before 1.0 with a new minor one', () => {
  for (const [before, after] of [
    ['0.1.0', '0.1.0'],
    ['0.1.0', '0.1.9'],
    ['1.2.3', '1.3.0'],
    ['1.2.3', '0.3.0'],
  ] as const) {
    assert.deepEqual(problems(before, after), BREAK, `${before} to ${after}`)
  }
  for (const [before, after] of [
    ['0.1.0', '0.2.0'],
    ['0.9.9', '1.0.0'],
    ['1.2.3', '2.0.0'],
    ['9.0.0', '10.0.0'],
  ] as const) {
    assert.deepEqual(problems(before, after), [], `${before} to ${after}`)
  }
})

test('what was never released may be broken by whoever says so, and what was released may not', () => {
  assert.deepEqual(problems('0.2.0', '0.2.0', true), [])
  assert.deepEqual(problems('0.1.0', '0.1.0', true), ['0.1.0 was released, as CHANGELOG.md says'])
})

test('what breaks nothing may always be released', () => {
  const same = { before: documentOf('1.0.0'), after: documentOf('1.0.1'), changelog: CHANGELOG, isUnreleased: false }
  assert.deepEqual(releaseProblems(same), [])
})
