import type { TestEvent } from 'node:test/reporters'

type Report = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data']

/** Tests of one feature on one engine. */
interface Score {
  readonly passed: number
  readonly total: number
  readonly reasons: ReadonlySet<string>
}

const EMPTY: Score = { passed: 0, total: 0, reasons: new Set() }
const PORT = 'the port itself'

/** Prints the table feature x engine of a run of the conformance suites, as Markdown, and the tests that failed. */
export default async function* table(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const scores = new Scores()
  for await (const event of source) {
    if (event.type === 'test:start') scores.enter(event.data.nesting, event.data.name)
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    scores.add(event.data, event.type === 'test:pass')
    if (event.type === 'test:fail') yield `failed: ${event.data.name}\n`
  }
  yield* scores.lines()
}

/** Counts tests by the suites that they are in: `the executor on ENGINE`, then the feature; or `the engine ENGINE`. */
class Scores {
  readonly #features = new Map<string, Map<string, Score>>()
  readonly #engines: string[] = []
  /** Names of the suites around the test that runs. */
  readonly #path: string[] = []

  enter(nesting: number, name: string): void {
    this.#path.splice(nesting, Infinity, name)
  }

  add({ nesting, details, skip }: Report, isPass: boolean): void {
    const place = details.type === 'suite' ? undefined : this.#placeOf(nesting)
    if (place === undefined) return
    const [feature, engine] = place
    if (!this.#engines.includes(engine)) this.#engines.push(engine)
    const row = this.#features.get(feature) ?? new Map<string, Score>()
    this.#features.set(feature, row)
    const { passed, total, reasons } = row.get(engine) ?? EMPTY
    const isSkipped = skip !== undefined && skip !== false
    row.set(engine, {
      passed: passed + (isPass && !isSkipped ? 1 : 0),
      total: total + 1,
      reasons: isSkipped ? new Set([...reasons, String(skip)]) : reasons,
    })
  }

  *lines(): Generator<string> {
    const notes: string[] = []
    yield `| feature | ${this.#engines.join(' | ')} |\n|---|${this.#engines.map(() => '---|').join('')}\n`
    for (const [feature, row] of this.#features) {
      yield `| ${feature} | ${this.#engines.map((engine) => cellOf(row.get(engine), notes)).join(' | ')} |\n`
    }
    if (notes.length > 0) yield '\n'
    for (const [index, note] of notes.entries()) yield `${index + 1}. Skipped: ${note}.\n`
  }

  #placeOf(nesting: number): readonly [feature: string, engine: string] | undefined {
    const [suite = '', feature = ''] = this.#path
    const [, executor] = /^the executor on (.+)$/.exec(suite) ?? []
    if (executor !== undefined && nesting === 2) return [feature, executor]
    const [, engine] = /^the engine (\S+)$/.exec(suite) ?? []
    return engine === undefined ? undefined : [PORT, engine]
  }
}

/** `7/7`, or less with the numbers of the notes that say why. */
function cellOf(score: Score | undefined, notes: string[]): string {
  if (score === undefined) return ''
  const marks = [...score.reasons].map((reason) => {
    if (!notes.includes(reason)) notes.push(reason)
    return notes.indexOf(reason) + 1
  })
  return `${score.passed}/${score.total}${marks.length === 0 ? '' : ` (${marks.join(', ')})`}`
}
