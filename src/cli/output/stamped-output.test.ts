import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StampedOutput } from './stamped-output.ts'

test('the time stands before each line, wherever pieces are cut, and no byte is changed', () => {
  const pieces: Uint8Array[] = []
  const stamped = new StampedOutput({ write: (data) => void pieces.push(data), end: () => {} })
  for (const [text, time] of [
    ['one\ntwo', 'T1'],
    ['', 'T2'],
    [' goes on\n', 'T3'],
    ['\n\xff', 'T4'],
  ] as const) {
    stamped.write(Buffer.from(text, 'latin1'), time)
  }
  assert.equal(Buffer.concat(pieces).toString('latin1'), 'T1 one\nT1 two goes on\nT4 \nT4 \xff')
})
