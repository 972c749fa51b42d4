import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ErrandError } from './errors.ts'
import { formatImageReference, fullName, parseImageReference, registryOf } from './image-reference.ts'

const HEX = '0123456789abcdef'.repeat(4)
const invalid = (error: unknown): boolean => error instanceof ErrandError && error.code === 'validation_failed'

describe('an image reference', () => {
  const formatted = {
    alpine: 'alpine:latest',
    'alpine:3.20': 'alpine:3.20',
    'library/alpine': 'library/alpine:latest',
    'localhost/task:1': 'localhost/task:1',
    'localhost:5000/task': 'localhost:5000/task:latest',
    'registry.example.com/team/task:V1.0_rc': 'registry.example.com/team/task:V1.0_rc',
    'registry.example.com:443/a/b/c': 'registry.example.com:443/a/b/c:latest',
    'a__b/c-d--e.f': 'a__b/c-d--e.f:latest',
    [`task@sha256:${HEX}`]: `task@sha256:${HEX}`,
    [`host.example/task:tag@sha256:${HEX}`]: `host.example/task@sha256:${HEX}`,
    [`sha256:${HEX}`]: `sha256:${HEX}`,
    [HEX]: `sha256:${HEX}`,
    'sha256:0123456789ab': 'sha256:0123456789ab',
  }
  for (const [text, expected] of Object.entries(formatted)) {
    test(`${text} is asked of the engine as ${expected}`, () => {
      assert.equal(formatImageReference(parseImageReference(text)), expected)
    })
  }

  for (const text of [
    '',
    ' alpine',
    'alpine ',
    'alpine\n',
    'Alpine',
    'alpine:',
    ':latest',
    'alpine:-tag',
    `alpine:${'t'.repeat(129)}`,
    'alpine@sha256:short',
    `alpine@sha256:${HEX.toUpperCase()}`,
    `alpine@sha512:${HEX}`,
    `a@sha256:${HEX}@sha256:${HEX}`,
    '/alpine',
    'alpine/',
    'a//b',
    '../alpine',
    'a/../b',
    '-alpine',
    'a..b',
    'a___b',
    'host_name.example/alpine',
    '-host.example/alpine',
    'host.example:port/alpine',
    'http://host.example/alpine',
    'alpine?x=1',
    'alpine#x',
    'alp%2fine',
    'älpine',
    'a'.repeat(513),
  ]) {
    test(`${JSON.stringify(text.slice(0, 60))} is none`, () => {
      assert.throws(() => parseImageReference(text), invalid)
    })
  }

  test('is read the same after it was formatted', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8})?$/)
    const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/), { nil: undefined })
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), tag, (parts, name) => {
        const text = `registry.example/${parts.join('/')}${name === undefined ? '' : `:${name}`}`
        const once = formatImageReference(parseImageReference(text))
        assert.equal(formatImageReference(parseImageReference(once)), once)
        assert.ok(once.startsWith(text))
      }),
    )
  })

  test('of any text is read or refused, quickly, and never fails otherwise', () => {
    const nasty = fc.oneof(fc.string(), fc.stringMatching(/^[a.:/@_-]{0,512}$/))
    fc.assert(
      fc.property(nasty, (text) => {
        try {
          formatImageReference(parseImageReference(text))
        } catch (error) {
          assert.ok(invalid(error))
        }
      }),
    )
  })
})

describe('the full name of an image', () => {
  for (const [text, name, registry] of [
    ['alpine', 'docker.io/library/alpine:latest', 'docker.io'],
    ['library/alpine', 'docker.io/library/alpine:latest', 'docker.io'],
    ['docker.io/alpine:3', 'docker.io/library/alpine:3', 'docker.io'],
    ['index.docker.io/team/task', 'docker.io/team/task:latest', 'docker.io'],
    ['team/task', 'docker.io/team/task:latest', 'docker.io'],
    ['localhost/task', 'localhost/task:latest', 'localhost'],
    ['Registry.Example:5000/a/b:V1', 'registry.example:5000/a/b:V1', 'registry.example:5000'],
    [`task:1@sha256:${HEX}`, `docker.io/library/task@sha256:${HEX}`, 'docker.io'],
  ] as const) {
    test(`${text} is ${name}`, () => {
      const reference = parseImageReference(text)
      assert.equal(fullName(reference), name)
      assert.equal(fullName(parseImageReference(name)), name)
      assert.equal(reference.kind === 'name' && registryOf(reference), registry)
    })
  }

  test('of an id is the id', () => assert.equal(fullName(parseImageReference(HEX)), `sha256:${HEX}`))
})
