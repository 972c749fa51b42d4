import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { InstalledNode } from '../support/installed-node.ts'
import { KEY } from '../support/pty.ts'

/** A title, a colour, and what writes the clipboard. */
const ESCAPES = '\\033]0;owned\\007\\033[31mred\\033]52;c;cm0=\\007'
const ESC = '\u001b'
const CLEAR = `\r${ESC}[K`
/** Up some lines, and nothing below. */
const ANEW = `A\r${ESC}[J`
/** Waits for a SIGTERM to end, and says so. */
const KIND = `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done`

/** Has to be killed. */
const STUBBORN = `trap '' TERM; echo up; for i in $(seq 60); do sleep 1; done; echo down`
/** For what takes no time, on a machine that is busy. */
const SOON_MS = 5_000

describe('errand, as it is installed, on a terminal', { timeout: 100_000 }, () => {
  let node: InstalledNode
  let image = ''
  before(async () => {
    image = await ensureImage('busybox')
    node = await InstalledNode.open()
  })
  after(() => node[Symbol.asyncDispose]())

  /** Output can be here before the Engine has said that its process has begun: what is cancelled then is killed. */
  async function untilRunning(id: string): Promise<void> {
    await using client = node.client()
    await client.until(id, 'running')
  }

  test('run tells what it waits for, then shows output as it comes', async () => {
    await using terminal = node.terminal(['run', image, '--', 'sh', '-c', 'echo first; sleep 1; echo second; exit 7'])
    await terminal.shown((text) => text.includes('first\r\n'))
    assert.doesNotMatch(terminal.text, /second/)
    assert.equal(await terminal.ended, 7)
    assert.ok(terminal.text.includes(`${CLEAR}submitting`), terminal.text)
    assert.ok(terminal.text.endsWith(`${CLEAR}first\r\nsecond\r\n`), terminal.text)
  })

  test('Ctrl-C cancels a run: its command can say good-bye, and the status is 130', async () => {
    await using terminal = node.terminal(['run', '--id', 'polite', image, '--', 'sh', '-c', KIND])
    await terminal.shown((text) => text.includes('up\r\n'))
    await untilRunning('polite')
    terminal.type(KEY.ctrlC)
    assert.equal(await terminal.ended, 130)
    assert.match(terminal.text, /cancelling; press Ctrl-C again to leave it running[\s\S]*bye/)
    assert.match((await node.errand(['inspect', 'polite'])).stdout, /^status +cancelled$/m)
  })

  test('a second Ctrl-C leaves at once, and the rest can be followed and waited for', async () => {
    await using terminal = node.terminal(['run', '--id', 'stubborn', image, '--', 'sh', '-c', STUBBORN])
    await terminal.shown((text) => text.includes('up\r\n'))
    await untilRunning('stubborn')
    terminal.type(KEY.ctrlC)
    await terminal.shown((text) => text.includes('cancelling'))
    const leftMs = performance.now()
    terminal.type(KEY.ctrlC)
    assert.equal(await terminal.ended, 130)
    assert.ok(performance.now() - leftMs < SOON_MS, 'it waited for the end')
    assert.match(terminal.text, /left running: errand logs -f stubborn/)
    assert.match((await node.errand(['inspect', 'stubborn'])).stdout, /^status +running$/m)
    assert.equal((await node.errand(['cancel', '--grace', '0s', 'stubborn'])).status, 0)
    assert.equal((await node.errand(['logs', '-f', 'stubborn'])).stdout, 'up\n')
    assert.equal((await node.errand(['wait', 'stubborn'])).status, 130)
  })

  test('a second Ctrl-C leaves a daemon that is frozen, too', async () => {
    await using terminal = node.terminal(['run', '--id', 'frozen', image, '--', 'sh', '-c', STUBBORN])
    await terminal.shown((text) => text.includes('up\r\n'))
    await untilRunning('frozen')
    node.served.signal('SIGSTOP')
    try {
      terminal.type(KEY.ctrlC)
      await terminal.shown((text) => text.includes('cancelling'))
      const leftMs = performance.now()
      terminal.type(KEY.ctrlC)
      assert.equal(await terminal.ended, 130)
      assert.ok(performance.now() - leftMs < SOON_MS, 'it waited for an answer')
    } finally {
      node.served.signal('SIGCONT')
    }
    assert.equal((await node.errand(['rm', '--force', 'frozen'])).status, 0)
  })

  test('A51: what a task prints gives the terminal no instruction, unless that is asked for; a pipe gets it as it is', async () => {
    const command = [image, '--', 'printf', `${ESCAPES}\\n`]
    await using shown = node.terminal(['run', '--id', 'escapes', ...command])
    assert.equal(await shown.ended, 0)
    assert.match(shown.text, /␛\]0;owned␇␛\[31mred␛\]52;c;cm0=␇\r\n$/)
    assert.ok(!shown.text.includes(`${ESC}]`))
    await using raw = node.terminal(['logs', '--raw', 'escapes'])
    assert.equal(await raw.ended, 0)
    assert.ok(raw.text.includes(`${ESC}]0;owned\u0007${ESC}[31mred`))
    assert.ok((await node.errand(['logs', 'escapes'])).stdout.startsWith(`${ESC}]0;owned\u0007${ESC}[31mred`))
  })

  test('ps fits 80 columns, in colours unless NO_COLOR is set', async () => {
    const long = 'a-name-that-is-rather-long-as-names-go'
    assert.equal((await node.errand(['run', '--id', long, image, '--', 'sh', '-c', 'exit 3'])).status, 3)
    await using terminal = node.terminal(['ps', '--all'])
    assert.equal(await terminal.ended, 0)
    assert.ok(terminal.text.includes(ESC), 'it has colours')
    const lines = stripVTControlCharacters(terminal.text).split('\r\n')
    assert.match(lines[0] ?? '', /^ID +STATUS +IMAGE +AGE +RAN$/)
    assert.ok(lines.some((line) => line.startsWith(`${long}   failed (3)`)))
    for (const line of lines) assert.ok(line.length <= 80, line)
    await using plain = node.terminal(['ps', '--all'], { environment: { NO_COLOR: '1' } })
    assert.equal(await plain.ended, 0)
    assert.ok(!plain.text.includes(ESC))
    assert.ok(!(await node.errand(['ps', '--all'])).stdout.includes(ESC))
  })

  test('live views are shown anew in their place, and Ctrl-C leaves them with 0', async () => {
    assert.equal((await node.errand(['run', '-d', '--id', 'watched', image, '--', 'sleep', '1000'])).status, 0)
    await using client = node.client()
    await client.until('watched', 'running')
    for (const [command, wanted] of [
      ['stats', /^watched /m],
      ['node', /^executions +1 running/m],
    ] as const) {
      await using terminal = node.terminal([command])
      await terminal.shown((text) => text.split(ANEW).length > 1 && wanted.test(text.split(ANEW).at(-1) ?? ''))
      terminal.type(KEY.ctrlC)
      assert.equal(await terminal.ended, 0, command)
      for (const line of stripVTControlCharacters(terminal.text).split(/\r\n|\r/)) assert.ok(line.length <= 80, line)
    }
    await using events = node.terminal(['events', '--since', '0'])
    await events.shown((text) => text.includes('watched  running'))
    events.type(KEY.ctrlC)
    assert.equal(await events.ended, 0)
    await using follower = node.terminal(['logs', '-f', 'watched'])
    assert.equal((await node.errand(['cancel', '--grace', '0s', 'watched'])).status, 0)
    assert.equal(await follower.ended, 0)
  })

  test('a drain shows how much is left, in one line', async () => {
    assert.equal((await node.errand(['run', '-d', '--id', 'rest', image, '--', 'sleep', '1000'])).status, 0)
    await using terminal = node.terminal(['drain'])
    await terminal.shown((text) => /draining: \d running and \d waiting are left/.test(text))
    assert.equal((await node.errand(['cancel', '--grace', '0s', 'rest'])).status, 0)
    assert.equal(await terminal.ended, 0)
    assert.match(terminal.text, /test is drained and paused/)
    assert.equal((await node.errand(['unpause'])).status, 0)
  })
})
