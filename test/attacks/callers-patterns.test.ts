import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { parseSync, Visitor } from 'oxc-parser'
import { parseImageReference } from '../../src/core/image-reference.ts'
import { HostAllowList } from '../../src/http/host-allow-list.ts'
import { parseJsonObject } from '../../src/http/json-body.ts'
import { peerOf } from '../../src/http/peers.ts'
import { imageGlob } from '../../src/images/image-glob.ts'
import { scale } from '../support/scale.ts'

// Text that makes a pattern try for ever. Every pattern in src is taken from the source, so that a new one is tested too.

const ROOT = join(import.meta.dirname, '../..')
/** Of processor time, for an input longer than any that reaches a pattern through HTTP headers. */
const BUDGET_MS = 50
const LENGTH = scale(12_000, 60_000)
const TRIES = 5

interface Pattern {
  readonly where: string
  readonly source: string
  readonly flags: string
}

/** Every regular expression that is written in src, tests left out. */
function patternsInSource(): { patterns: Pattern[]; dynamic: string[] } {
  const patterns: Pattern[] = []
  const dynamic: string[] = []
  for (const file of globSync('src/**/*.ts', { cwd: ROOT })) {
    if (file.includes('.test.') || file.includes('.fixture.')) continue
    const visitor = new Visitor({
      Literal(node) {
        if ('regex' in node) patterns.push({ where: file, source: node.regex.pattern, flags: node.regex.flags })
      },
      NewExpression({ callee }) {
        if (callee.type === 'Identifier' && callee.name === 'RegExp') dynamic.push(file)
      },
      CallExpression({ callee }) {
        if (callee.type === 'Identifier' && callee.name === 'RegExp') dynamic.push(file)
      },
    })
    visitor.visit(parseSync(file, readFileSync(join(ROOT, file), 'utf8')).program)
  }
  return { patterns, dynamic }
}

/** Long texts made of what the pattern is about, with an end that makes it fail at the last moment. */
function* adversarialInputs({ source }: Pattern): Generator<string> {
  const literals = source.replaceAll(/\\[dwsDWSbB]/g, '').replaceAll(/[\\^$()[\]{}|?*+]/g, '')
  const letters = new Set(`${literals}a0.-_:/ A\n"`.split(''))
  const alphabet = [...letters].slice(0, 24)
  const starts = ['', 'a', '/', '"', '[']
  const ends = ['', '\u0000', '!', '\n']
  for (const letter of alphabet) {
    for (const start of starts) for (const end of ends) yield start + letter.repeat(LENGTH) + end
    for (const other of alphabet) yield `a${(letter + other).repeat(LENGTH / 2)}\u0000`
  }
}

/** The processor time of the fastest of a few tries: other work on this machine is not the pattern's fault. */
function costMs(run: () => void): number {
  let least = Infinity
  for (let attempt = 0; attempt < TRIES && least > BUDGET_MS; attempt += 1) {
    const before = process.threadCpuUsage()
    run()
    const { user, system } = process.threadCpuUsage(before)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

describe('hostile text', { timeout: 300_000 }, () => {
  let patterns: Pattern[]
  let dynamic: string[]
  before(() => {
    const found = patternsInSource()
    patterns = found.patterns
    dynamic = found.dynamic
  })

  test('A45: every pattern in src stays linear on text made against it', (context) => {
    assert.ok(patterns.length > 20, `${patterns.length} patterns were found`)
    let dearest = { ms: 0, where: '' }
    let inputs = 0
    const slow: string[] = []
    for (const pattern of patterns) {
      for (const input of adversarialInputs(pattern)) {
        const expression = new RegExp(pattern.source, pattern.flags.replace(/[gy]/, ''))
        const ms = costMs(() => expression.test(input))
        inputs += 1
        if (ms > dearest.ms) dearest = { ms, where: pattern.where }
        if (ms <= BUDGET_MS) continue
        const shown = `${JSON.stringify(input.slice(0, 6))}... of ${input.length}`
        slow.push(`/${pattern.source}/ of ${pattern.where} took ${ms} ms for ${shown}`)
        break
      }
    }
    context.diagnostic(
      `${patterns.length} patterns, ${inputs} texts; the dearest took ${dearest.ms} ms: ${dearest.where}`,
    )
    assert.deepEqual(slow, [])
  })

  test('A45: no pattern in src is made of text at run time', () => {
    assert.deepEqual(dynamic, [])
  })

  test('A45: what reads caller text is linear as a whole', () => {
    const readers: Record<string, (text: string) => unknown> = {
      image: (text) => attempt(() => parseImageReference(text)),
      host: (text) => new HostAllowList([]).allows(text),
      json: (text) => parseJsonObject(Buffer.from(text)),
      string: (text) => parseJsonObject(Buffer.from(`{"a":"${text}`)),
      peer: (text) => peerOf(text),
      glob: (text) => imageGlob('ghcr.io/**/*-*-*-*-*x')(text),
      'glob of names': (text) => imageGlob('**a*a*a*a*a**a*x')(text.slice(0, 512)),
    }
    const pieces = [
      'a',
      'a.',
      'a-',
      '-',
      '_',
      '__',
      '/',
      'a/',
      ':',
      '@',
      '@sha256:',
      '[',
      '{"a":',
      '"',
      '\\',
      '\\"',
      '::',
      '\u0000',
    ]
    for (const [name, read] of Object.entries(readers)) {
      for (const piece of pieces) {
        for (const end of ['', 'a', '!', '"', ']']) {
          const text = piece.repeat(LENGTH) + end
          const ms = costMs(() => read(text))
          assert.ok(ms <= BUDGET_MS, `${name} took ${ms} ms for ${JSON.stringify(piece)} times ${LENGTH}`)
        }
      }
    }
  })
})

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
