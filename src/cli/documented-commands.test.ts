import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readDocuments, shellBlocks } from '../../test/support/documents.ts'
import { runCommand } from './program.ts'
import { testTerminal } from './test-terminal.fixture.ts'

/** Where a shell begins a command, and what may stand there before it. */
const OURS = /(?:^|[|;&]|\$\(|<\()\s*(?:[A-Z_]+=\S*\s+)*(?:\S*\/)?errand (.*)$/
const WORD = /(?:[^\s'"]|'[^']*'|"[^"]*")+/g
/** What ends a command of a shell, or is the shell's own. */
const END = /^(\||;|&|#|\d?[<>]|\))/
const WITH_COMMANDS = ['config', 'context', 'instances', 'invocations', 'node', 'tasks', 'token']

/** The words of every command line of Errand's that a page shows, in blocks of shell and in its text. */
function commandsOf(text: string): string[][] {
  const lines = shellBlocks(text).flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
  const spans = [...text.matchAll(/`(errand [^`\n]+)`/g)].map(([, span = '']) => span)
  return [...lines, ...spans].flatMap((line) => {
    const [, rest] = OURS.exec(line.trim()) ?? []
    return rest === undefined ? [] : [wordsOf(rest)]
  })
}

function wordsOf(rest: string): string[] {
  const words = [...rest.matchAll(WORD)].map(([word]) => word)
  const end = words.findIndex((word) => END.test(word))
  return words.slice(0, end === -1 ? undefined : end).map((word) => word.replaceAll(/['"]/g, '').replace(/[);]+$/, ''))
}

/** What is Errand's to read of a command line that says what to run. */
function optionsOf(words: readonly string[]): string[] {
  const end = words.indexOf('--')
  return words.slice(1, end === -1 ? undefined : end).filter((word) => /^--?[a-z]/.test(word))
}

/** `token create` of `token create ci`. */
function nameOf([command = '', second = '-']: readonly string[]): string[] {
  return WITH_COMMANDS.includes(command) && !second.startsWith('-') ? [command, second] : [command]
}

/** Asking for help, a command line is read, and nothing is done. */
async function helpOn(words: readonly string[]): Promise<{ status: number; text: string }> {
  const name = nameOf(words)
  const asked = words[0] === 'help' ? words : [...name, '--help', ...words.slice(name.length)]
  const terminal = testTerminal()
  const status = await runCommand(asked, () => Promise.reject(new Error('no daemon')), terminal)
  return { status, text: terminal.printed.stdout + terminal.printed.stderr }
}

test('every command line in the documents is one, with these options', async () => {
  const shown = (await readDocuments()).flatMap(({ path, text }) => commandsOf(text).map((words) => ({ path, words })))
  assert.ok(shown.length > 50, `${shown.length} commands`)
  for (const { path, words } of shown) {
    const about = `${path}: errand ${words.join(' ')}`
    const { status, text } = await helpOn(words)
    assert.equal(status, 0, `${about}\n${text}`)
    const [usage = ''] = text.split('\n')
    assert.ok(words[0] === 'help' || usage.startsWith(`Usage: errand ${nameOf(words).join(' ')}`), `${about}\n${usage}`)
    const [, options = text] = text.split('\nOptions:\n')
    const known = new Set([...options.matchAll(/^ {2}(?:(-\w), )?(--[\w-]+)/gm)].flatMap(([, ...names]) => names))
    for (const option of optionsOf(words)) assert.ok(known.has(option.replace(/=.*/, '')), `${about}: ${option}`)
  }
})
