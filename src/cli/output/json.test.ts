import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testOutput } from '../test-terminal.fixture.ts'
import { printJson, printJsonLine } from './json.ts'
import { isHarmless, TERMINAL_ATTACKS } from './terminal-attacks.fixture.ts'

function printed(print: typeof printJson, value: unknown): string {
  let all = ''
  print(
    testOutput({}, (text) => {
      all += text
    }),
    value,
  )
  return all
}

test('JSON holds no character that a terminal obeys, and means the same', () => {
  for (const { text } of TERMINAL_ATTACKS) {
    for (const print of [printJson, printJsonLine]) {
      const json = printed(print, { [text]: [text] })
      assert.ok(isHarmless(json), json)
      assert.deepEqual(JSON.parse(json), { [text]: [text] })
    }
  }
})

test('one document is made for reading, one of many is one line', () => {
  assert.equal(printed(printJson, { a: 1 }), '{\n  "a": 1\n}\n')
  assert.equal(printed(printJsonLine, { a: 'x\ny' }), '{"a":"x\\ny"}\n')
})
