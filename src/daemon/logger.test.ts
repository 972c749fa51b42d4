import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { neutralize } from '../cli/output/neutralize.ts'
import { isHarmless, TERMINAL_ATTACKS } from '../cli/output/terminal-attacks.fixture.ts'
import type { Log } from '../core/log.ts'
import { openLog } from './logger.ts'

const LOGGER = new URL('./logger.ts', import.meta.url).href

/** What a process prints on stderr, a pipe, when it logs three lines and exits at once. */
function logOnPipe(level: string): string {
  const code = `
    const { openLog } = await import(process.argv[1])
    const log = openLog(process.argv[2], (text) => text)
    log.debug({ n: 1 }, 'one')
    log.info({ n: 2 }, 'two')
    log.error({ err: new Error('broken') }, 'three')
    process.exit(0)
  `
  const { stderr, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', code, LOGGER, level])
  assert.equal(stdout.toString(), '')
  return stderr.toString()
}

/** What a terminal shows; a file stands for it, since pretty lines are written at once. */
function logOnTerminal(hasColors: boolean, log = (to: Log): void => to.info({ node: 'edge-1' }, 'serving')): string {
  const folder = mkdtempSync(join(tmpdir(), 'errand-log-'))
  const fd = openSync(join(folder, 'terminal'), 'w')
  try {
    log(openLog('info', neutralize, { fd, isTTY: true, hasColors: () => hasColors }))
    return readFileSync(join(folder, 'terminal'), 'utf8')
  } finally {
    closeSync(fd)
    rmSync(folder, { recursive: true })
  }
}

test('a pipe gets one JSON object per line, the last ones also when the process exits at once', () => {
  const lines = logOnPipe('debug')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    // A write still under way at the exit can land behind those that the exit flushes; each line has its time.
    .toSorted((a, b) => a.level - b.level)
  assert.deepEqual(
    lines.map(({ level, n, msg }) => ({ level, n, msg })),
    [
      { level: 20, n: 1, msg: 'one' },
      { level: 30, n: 2, msg: 'two' },
      { level: 50, n: undefined, msg: 'three' },
    ],
  )
  assert.match(lines[0].time, /^\d{4}-\d\d-\d\dT.*Z$/)
  assert.equal(lines[2].err.message, 'broken')
})

test('lines below the level are left out', () => {
  assert.match(logOnPipe('error'), /^[^\n]*three[^\n]*\n$/)
})

test('a terminal gets readable lines, with colours only where it takes them', () => {
  const colour = String.fromCharCode(27)
  assert.match(logOnTerminal(false), /INFO.*serving/)
  assert.ok(!logOnTerminal(false).includes(colour))
  assert.ok(logOnTerminal(true).includes(colour))
})

/** What strangers say, in every place of a line in which it can stand. */
function logAttacks(log: Log): void {
  for (const { text } of TERMINAL_ATTACKS) {
    const err = Object.assign(new Error(text, { cause: new Error(text) }), { details: { [text]: [text] } })
    log.error({ err, path: text, [text]: { deep: [text] } }, text)
  }
}

test('A51: no terminal on which a line is shown obeys what strangers say in it', () => {
  const shown = logOnTerminal(false, logAttacks)
  assert.ok(isHarmless(shown), JSON.stringify(shown))
  assert.equal(shown.match(/ERROR/g)?.length, TERMINAL_ATTACKS.length, 'one entry each, and none that is made up')
})

test('A51: a line of JSON is plain text whatever strangers say in it, and reads back the same', () => {
  const code = `
    const { openLog } = await import(process.argv[1])
    const log = openLog('info', (text) => text)
    for (const text of JSON.parse(process.argv[2])) log.info({ text, [text]: 1 }, text)
  `
  const texts = TERMINAL_ATTACKS.map(({ text }) => text.toWellFormed())
  const args = ['--input-type=module', '--eval', code, LOGGER, JSON.stringify(texts)]
  const lines = spawnSync(process.execPath, args).stderr.toString()
  assert.ok(isHarmless(lines))
  const read = lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    read.map(({ msg, text, ...more }) => [msg, text, Object.keys(more).at(-1)]),
    texts.map((text) => [text, text, text]),
  )
})

test('NO_COLOR turns the colours of a terminal off', () => {
  const code = 'process.stdout.write(String(require("node:tty").WriteStream.prototype.hasColors()))'
  const say = (environment: Record<string, string>) =>
    execFileSync(process.execPath, ['--eval', code], { env: { TERM: 'xterm', ...environment } }).toString()
  assert.equal(say({}), 'true')
  assert.equal(say({ NO_COLOR: '1' }), 'false')
})
