import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PresetName } from '../../core/presets.ts'
import type { Trial } from './trial.ts'
import { judge, type Rule } from './trial-rules.ts'

const STRICT: Trial = {
  profile: 'strict',
  memoryBytes: 1,
  exit: { exitCode: 1, isOomKilled: false },
  lacksCommand: false,
  output: '',
}

/** What programs really say: those of the guide on profiles among them. */
const SAID: readonly [string, Rule, PresetName?][] = [
  ["RuntimeError: can't start new thread", 'threads', 'many-threads'],
  ["Error: EROFS: read-only file system, open '/app/cache'", 'read-only', 'web-server'],
  ['Error: spawn /tmp/x/tool EACCES', 'no execution in /tmp', 'scratch-exec'],
  ['sh: /tmp/tool: Permission denied', 'no execution in /tmp', 'scratch-exec'],
  ['Error: ENOSPC: no space left on device, write', 'full /tmp', 'scratch-heavy'],
  ['mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)', 'read-only', 'web-server'],
  ['failed switching to "redis": operation not permitted', 'capability', 'postgres'],
  ['initdb: error: could not change permissions of directory "/var/lib/postgresql/data"', 'capability', 'postgres'],
  [
    'could not resize shared memory segment "/PostgreSQL.1" to 8388608 bytes: No space left on device',
    'shared memory',
    'big-shm',
  ],
  ['initdb: could not look up effective user ID 61184: user does not exist', 'user', 'root-init'],
  ['bind() to 0.0.0.0:80 failed (13: Permission denied)', 'port below 1024', 'root-init'],
  ['listen EACCES: permission denied 0.0.0.0:443', 'port below 1024', 'root-init'],
  ['cat: /root/secret: Permission denied', 'permission', 'root-init'],
  ['curl: (6) Could not resolve host: example.org', 'network'],
  ['getaddrinfo EAI_AGAIN example.org', 'network'],
  ['something else', 'exit'],
  ['', 'exit'],
]

for (const [output, rule, preset] of SAID) {
  test(`${JSON.stringify(output)} tells of the rule "${rule}"`, () => {
    const verdict = judge({ ...STRICT, output: `starting\n${output}\n\n` })
    assert.equal(verdict?.rule, rule)
    assert.equal(verdict?.presets[0], preset)
    assert.ok(verdict.found.endsWith(output === '' ? 'starting' : output))
    assert.ok(!verdict.advice.includes('\n'))
  })
}

test('how a process ended is surer than what it said', () => {
  const said = { ...STRICT, output: 'Read-only file system' }
  const exit = (exitCode: number, isOomKilled = false) => judge({ ...said, exit: { exitCode, isOomKilled } })?.rule
  assert.equal(exit(137, true), 'memory')
  assert.equal(exit(135), 'shared memory')
  assert.equal(exit(159), 'seccomp')
  assert.equal(judge({ ...said, lacksCommand: true, exit: undefined })?.rule, 'command')
})

test('what runs on or ends well hit no rule, whatever it said', () => {
  assert.equal(judge({ ...STRICT, exit: undefined, output: 'permission denied' }), undefined)
  assert.equal(judge({ ...STRICT, exit: { exitCode: 0, isOomKilled: false }, output: 'EROFS' }), undefined)
})

test('under standard no preset is named that only gives standard', () => {
  const verdict = judge({ ...STRICT, profile: 'standard', output: 'cat: x: Permission denied' })
  assert.deepEqual([verdict?.rule, verdict?.presets], ['permission', []])
})

test('a signal is named', () => {
  assert.match(judge({ ...STRICT, exit: { exitCode: 139, isOomKilled: false } })?.found ?? '', /^it died of SIGSEGV$/)
  assert.match(
    judge({ ...STRICT, exit: { exitCode: 3, isOomKilled: false } })?.found ?? '',
    /^it ended with exit status 3$/,
  )
})
