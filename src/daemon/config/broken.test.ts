import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { ADDRESS, BROKEN, CORES } from './broken-files.fixture.ts'
import { isConfigKey, isSection } from './check-value.ts'
import { ConfigError, describeProblem } from './config-error.ts'
import type { ConfigFlags } from './flags.ts'
import { loadConfig } from './load.ts'
import { CONFIG_KEYS } from './schema.ts'
import { type TestHostOptions, testHost } from './test-host.fixture.ts'

/** Every problem as it is printed. */
function problemsOf(options: TestHostOptions, flags: ConfigFlags = {}): string[] {
  try {
    loadConfig(flags, testHost(options))
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(describeProblem)
  }
}

function problemsOfFile(text: string): string[] {
  return problemsOf({ files: { '/f.yaml': text } }, { config: '/f.yaml' })
}

test('F13: a broken file is refused with file, line, key and what is wrong, all at once', () => {
  for (const [text, problems] of BROKEN) assert.deepEqual(problemsOfFile(text), problems, text)
})

test('a named file that cannot be read is refused', () => {
  assert.deepEqual(problemsOf({ environment: { ERRAND_CONFIG: '/gone.yaml' } }), [
    "/gone.yaml:1: cannot be read: ENOENT: no such file or directory, open '/gone.yaml'",
  ])
})

test('an alias bomb is refused instead of expanded', () => {
  const bomb = ['a', 'b', 'c', 'd', 'e'].map((name, depth, names) => {
    const item = depth === 0 ? 'x' : `*${names[depth - 1]}`
    return `&${name} [${Array(9).fill(item).join(', ')}]`
  })
  assert.match(problemsOfFile(`allowedHosts: [${bomb.join(', ')}]`)[0] ?? '', /Excessive alias count/)
})

test('environment and flags are refused by their names, after the file', () => {
  const environment = {
    ERRAND_TASK_START_TIMEOUT_MS: '5',
    ERRAND_CPU: 'many',
    ERRAND_ALLOWED_HOSTS: 'a',
    ERRAND_TASKS_PRESETS: '/x',
    ERRAND_LISTEN: '127.0.0.1:1,nowhere',
  }
  const flags = { config: '/f.yaml', mem: '1', set: ['tasks.foo=1', 'cpu', 'log.level=loud', 'mem=64'] }
  assert.deepEqual(problemsOf({ files: { '/f.yaml': 'cpu: 0' }, environment }, flags), [
    `/f.yaml:1: cpu: ${CORES}, not 0`,
    'environment ERRAND_TASK_START_TIMEOUT_MS: is not a known variable; the nearest is ERRAND_TASKS_START_TIMEOUT_MS',
    'environment ERRAND_ALLOWED_HOSTS: allowedHosts: cannot be set by a variable: use the file',
    'environment ERRAND_TASKS_PRESETS: tasks.presets: cannot be set by a variable: use the file',
    `environment ERRAND_CPU: cpu: ${CORES}, not "many"`,
    `environment ERRAND_LISTEN: listen[1].address: ${ADDRESS}, not "nowhere"`,
    'flag --set: tasks.foo: is not a known key; the nearest is tasks.network',
    'flag --set: must be KEY=VALUE, not "cpu"',
    'flag --set: mem: is given twice on the command line',
    'flag --mem: mem: must be a whole number of MB from 6 up, not 1',
    'flag --set: log.level: must be one of debug, info, warn, error, not "loud"',
  ])
})

test('a broken value is refused even where a higher source replaces it', () => {
  assert.equal(problemsOf({ files: { '/f.yaml': 'cpu: 0' } }, { config: '/f.yaml', cpu: '2' }).length, 1)
})

test('no unknown key passes, wherever it stands', () => {
  const section = fc.constantFrom(
    '',
    ...CONFIG_KEYS.filter((key) => key.includes('.')).map((key) => key.split('.')[0] ?? ''),
  )
  const name = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'CPU', 'cpu '),
  )
  fc.assert(
    fc.property(section, name, fc.jsonValue(), (above, below, value) => {
      const key = above === '' ? below : `${above}.${below}`
      fc.pre(!isConfigKey(key) && !isSection(key))
      const inner = `${stringify(below, { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE' }).trim()}: ${JSON.stringify(value)}`
      const text = above === '' ? inner : `${above}:\n  ${inner}`
      assert.ok(
        problemsOfFile(text).some((line) => line.includes(key) || line.includes('__proto__')),
        text,
      )
    }),
    { numRuns: 500 },
  )
})

test('whatever a file says, it is a configuration or a list of problems', () => {
  const key = fc.constantFrom(...CONFIG_KEYS)
  fc.assert(
    fc.property(key, fc.jsonValue(), (path, value) => {
      const text = JSON.stringify(path.split('.').reduceRight<unknown>((inner, step) => ({ [step]: inner }), value))
      for (const line of problemsOfFile(text)) assert.match(line, /^\/f\.yaml:1: /)
    }),
    { numRuns: 500 },
  )
})
