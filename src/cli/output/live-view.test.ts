import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testOutput } from '../test-terminal.fixture.ts'
import { LiveView } from './live-view.ts'

function printed(size: { columns: number; rows: number }, ...texts: readonly string[]): string {
  let text = ''
  using view = new LiveView(testOutput(size, (piece) => (text += piece)))
  for (const each of texts) view.show(each)
  return text
}

test('what is shown anew takes the place of what was there, whether it has more lines or fewer', () => {
  const size = { columns: 80, rows: 24 }
  assert.equal(printed(size, 'a\nb\n', 'c\n', 'd\n'), 'a\nb\n\u001b[2A\r\u001b[Jc\n\u001b[1A\r\u001b[Jd\n')
})

test('lines that a terminal has no room for are left out, and wider ones cut', () => {
  const size = { columns: 8, rows: 4 }
  assert.equal(printed(size, '1\n2\n3\n4\n', '123456789\n'), '1\n2\n… 2 mor…\n\u001b[3A\r\u001b[J1234567…\n')
})
