import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { testOutput } from '../test-terminal.fixture.ts'
import { foreignOutput } from './foreign-output.ts'
import { isHarmless, TERMINAL_ATTACKS } from './terminal-attacks.fixture.ts'

/** What comes out, as `testOutput` has it, of pieces written one after the other. */
function through(pieces: readonly Uint8Array[], options: { columns?: number; raw?: boolean } = {}): string {
  let printed = ''
  const output = testOutput(options, (text) => {
    printed += text
  })
  const foreign = foreignOutput(output, options)
  for (const piece of pieces) foreign.write(piece)
  foreign.end()
  return printed
}

const attacks = Buffer.from(TERMINAL_ATTACKS.map(({ text }) => text).join('\r\n'))

test('a terminal gets no instruction of a task, however its output is cut', () => {
  const whole = through([attacks], { columns: 80 })
  assert.ok(isHarmless(whole))
  for (let size = 1; size < 7; size++) {
    const pieces = Array.from({ length: Math.ceil(attacks.length / size) }, (_, at) =>
      attacks.subarray(at * size, (at + 1) * size),
    )
    assert.equal(through(pieces, { columns: 80 }), whole)
  }
})

test('any bytes become harmless text on a terminal, the same however they are cut', () => {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0x1b, 0x9b, 0xc2, 0x0d, 0x0a, 0xe2, 0x80, 0xae),
  )
  const bytes = fc.array(byte, { maxLength: 60 }).map((list) => Uint8Array.from(list))
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (pieces) => {
      const printed = through(pieces, { columns: 80 })
      assert.ok(isHarmless(printed), JSON.stringify(printed))
      assert.equal(printed, through([Buffer.concat(pieces)], { columns: 80 }))
    }),
    { numRuns: 500 },
  )
})

test('invalid UTF-8 is shown as such, and a character that never became whole, too', () => {
  assert.equal(through([Uint8Array.of(0x61, 0xff, 0x62), Uint8Array.of(0xc3)], { columns: 80 }), 'a\ufffdb\ufffd')
})

test('a pipe gets the bytes as they are; so does a terminal that asks for them raw', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  const latin1 = Buffer.from(bytes).toString('latin1')
  assert.equal(through([bytes]), latin1)
  assert.equal(through([bytes], { columns: 80, raw: true }), latin1)
})
