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

/** Lines of shell in the guide, without what a shell does to them. */
function commandsOf(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block)
  const lines = blocks.flatMap((block) => block.split('\n'))
  return lines.flatMap((line) => /errand ([^#|)]*)/.exec(line)?.[1]?.trim() ?? [])
}

test('every command of the guide is one, with these options', async () => {
  const commands = commandsOf(guide)
  assert.ok(commands.length > 10)
  for (const line of commands) {
    const words = line.split(/ +/)
    // Asking for help, a command line is read, and nothing is done.
    const terminal = testTerminal()
    const status = await runCommand(askForHelp(words), () => Promise.reject(new Error('no daemon')), terminal)
    assert.equal(status, 0, `${line}: ${terminal.printed.stderr}`)
    const help = terminal.printed.stdout
    for (const option of words.filter((word) => word.startsWith('--'))) assert.ok(help.includes(option), line)
  }
})

/** What follows the image of `run` and the id of `exec` is not ours to read. */
function askForHelp(words: readonly string[]): string[] {
  const [command = '', ...rest] = words
  if (command === 'help') return [...words]
  return ['run', 'exec'].includes(command) ? [command, '--help', ...rest] : [...words, '--help']
}

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
