import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { EXIT, EXIT_STATUS } from './exit-status.ts'
import { runCommand } from './program.ts'
import { testTerminal } from './test-terminal.fixture.ts'

const guide = await readFile(join(import.meta.dirname, '../../docs/guide/command-line.md'), 'utf8')

test('the guide has each code beside the status that commands end with', () => {
  const [, section = ''] = guide.split('## Exit statuses')
  const rows = [...section.matchAll(/^\| (\d+) \| [^|]+ \| ([^|]*) ?\|$/gm)]
  const told = rows.flatMap(([, status, codes = '']) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => [code, Number(status)]),
  )
  assert.deepEqual(Object.fromEntries(told), { ...EXIT_STATUS })
  const statuses = rows.map(([, status]) => Number(status))
  for (const [name, status] of Object.entries(EXIT)) assert.ok(statuses.includes(status), name)
})

test('every command of the program is in the guide', async () => {
  const terminal = testTerminal()
  await runCommand(['--help'], () => Promise.reject(new Error('no daemon')), terminal)
  const [, list = ''] = terminal.printed.stdout.split('Commands:')
  const names = [...list.matchAll(/^ {2}([a-z]+)/gm)]
    .flatMap(([, name]) => name ?? [])
    .filter((name) => name !== 'errand')
  assert.ok(names.length > 5)
  for (const name of names) assert.match(guide, new RegExp(`errand ${name}\\b`), name)
})
