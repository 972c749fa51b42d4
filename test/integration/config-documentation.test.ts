import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { type ErrorCode, HTTP_STATUS } from '../../src/core/errors.ts'
import { defaultValues } from '../../src/daemon/config/defaults.ts'
import { variableOf } from '../../src/daemon/config/environment.ts'
import { CONFIG_KEYS } from '../../src/daemon/config/schema.ts'
import { testHost } from '../../src/daemon/config/test-host.fixture.ts'

const HOST_NAME = "the host's name"

async function readDocument(name: string): Promise<string> {
  return readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8')
}

/** The cells of every table row with this many of them whose first is a name in backticks. */
function rowsOf(text: string, columns: number): string[][] {
  const rows = text.split('\n').map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
  return rows.filter((cells) => cells.length === columns && /^`[\w.]+`$/.test(cells[0] ?? ''))
}

function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

function describeDefault(key: string): string {
  if (key === 'node') return HOST_NAME
  if (key === 'docker.registryConfig') return code('~/.docker/config.json')
  const value = defaultValues(testHost(), undefined)[key]
  if (Array.isArray(value)) return code(value.join(', '))
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

describe('docs/configuration.md', () => {
  test('has every key with its default and its variable, and no other', async () => {
    const rows = rowsOf(await readDocument('configuration.md'), 5)
    const documented = rows.map(([key, , fallback, variable]) => [key, fallback, variable]).sort(byFirst)
    const real = CONFIG_KEYS.map((key) => [code(key), describeDefault(key), code(variableOf(key) ?? '')]).sort(byFirst)
    assert.deepEqual(documented, real)
    for (const row of rows) assert.ok(row[1] !== '' && row[4] !== '', `${row[0]} has a type and a meaning`)
  })
})

describe('docs/errors.md', () => {
  test('has every code with its HTTP status, and no other', async () => {
    const rows = rowsOf(await readDocument('errors.md'), 4)
    const documented = rows.map(([name, status]) => [name, status])
    const codes = Object.keys(HTTP_STATUS) as ErrorCode[]
    assert.deepEqual(
      documented,
      codes.map((name) => [code(name), String(HTTP_STATUS[name])]),
    )
    for (const row of rows) assert.ok(row[2] !== '' && row[3] !== '', `${row[0]} says what it means and what to do`)
  })
})

function byFirst(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): number {
  return String(a[0]).localeCompare(String(b[0]))
}
