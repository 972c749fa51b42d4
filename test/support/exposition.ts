import assert from 'node:assert/strict'

export type Labels = Readonly<Record<string, string>>

/** One metric as a scraper sees it. */
export interface ScrapedMetric {
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  /** The metric's name, for a histogram with `_bucket`, `_sum` or `_count` behind it. */
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

/** What `GET /metrics` has answered: the text format of Prometheus, read strictly. */
export class Scrape {
  readonly metrics: ReadonlyMap<string, ScrapedMetric>

  constructor(text: string) {
    assert.ok(text.endsWith('\n'), 'the last line is a whole one')
    this.metrics = new Map(
      text
        .trimEnd()
        .split(/\n\n?(?=# HELP )/)
        .map(readMetric),
    )
  }

  /** The sum of all samples of this name that have at least these labels; 0 where there is none. */
  sum(name: string, labels: Labels = {}): number {
    return this.samples(name, labels).reduce((sum, { value }) => sum + value, 0)
  }

  samples(name: string, labels: Labels = {}): Sample[] {
    const has = (sample: Sample): boolean =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
    const all = [...this.metrics.values()].flatMap(({ samples }) => samples)
    return all.filter((sample) => sample.name === name && has(sample))
  }

  /** Every name that a query may use. */
  get names(): ReadonlySet<string> {
    const suffixes = ['_bucket', '_sum', '_count']
    const namesOf = ([name, { type }]: [string, ScrapedMetric]): string[] =>
      type === 'histogram' ? suffixes.map((suffix) => `${name}${suffix}`) : [name]
    return new Set([...this.metrics].flatMap(namesOf))
  }
}

function readMetric(block: string): [string, ScrapedMetric] {
  const [help = '', type = '', ...lines] = block.split('\n')
  const [, name = '', meaning = ''] = /^# HELP ([a-z0-9_]+) (.+)$/.exec(help) ?? []
  const [, typed, kind = ''] = /^# TYPE ([a-z0-9_]+) (counter|gauge|histogram)$/.exec(type) ?? []
  assert.equal(typed, name, block)
  return [name, { type: kind, help: meaning, samples: lines.map(readSample) }]
}

function readSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  assert.notEqual(name, '', line)
  const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)]
  return { name, labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])), value: Number(value) }
}
