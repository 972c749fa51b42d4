import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { testOutput } from '../test-terminal.fixture.ts'
import { type Column, table } from './table.ts'
import { isHarmless, TERMINAL_ATTACKS } from './terminal-attacks.fixture.ts'
import { textWidth } from './text-width.ts'

interface Row {
  readonly id: string
  readonly note: string
  readonly size: string
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', value: ({ id }) => id, cutFirst: 1 },
  { title: 'NOTE', value: ({ note }) => note, cutFirst: 2, style: ({ size }) => (size === '0' ? 'red' : undefined) },
  { title: 'SIZE', value: ({ size }) => size, align: 'right' },
]

const pipe = testOutput({}, () => {})
const LONG = { id: 'id-'.repeat(10), note: 'words and '.repeat(20), size: '1.5 GiB' }

test('a table has a head, a line per row, and no borders', () => {
  const rows = [
    { id: 'a', note: 'first', size: '10 B' },
    { id: 'long-id', note: '', size: '9 B' },
  ]
  assert.equal(
    table(COLUMNS, rows, pipe),
    'ID        NOTE    SIZE\n' + 'a         first   10 B\n' + 'long-id            9 B\n',
  )
})

test('without rows there is the head', () => {
  assert.equal(table(COLUMNS, [], pipe), 'ID   NOTE   SIZE\n')
})

test('a pipe gets every text in full', () => {
  const printed = table(COLUMNS, [LONG], pipe)
  assert.ok(printed.includes(LONG.id) && printed.includes(LONG.note.trim()))
})

test('a terminal gets lines that fit: the column named first is cut first, and no further than needed', () => {
  for (const columns of [120, 80, 70, 62, 50, 33]) {
    const lines = table(
      COLUMNS,
      [LONG, { id: 'b', note: '日本語'.repeat(30), size: '0' }],
      testOutput({ columns }, () => {}),
    )
    for (const line of lines.split('\n')) assert.ok(textWidth(line) <= columns, `${columns}: ${line}`)
    assert.equal(lines.includes(LONG.id), columns >= 80 - 20, `${columns}`)
    assert.match(lines, /…/)
  }
})

test('what does not fit at all is longer than the line, and still readable', () => {
  assert.equal(
    table(
      COLUMNS,
      [LONG],
      testOutput({ columns: 5 }, () => {}),
    ),
    'ID         NOTE          SIZE\nid-id-i…   words a…   1.5 GiB\n',
  )
})

test('colours go to terminals that have them, and take no room', () => {
  const rows = [{ id: 'a', note: 'x', size: '0' }]
  const plain = table(
    COLUMNS,
    rows,
    testOutput({ columns: 80 }, () => {}),
  )
  const colourful = table(
    COLUMNS,
    rows,
    testOutput({ columns: 80, hasColors: true }, () => {}),
  )
  assert.ok(!plain.includes('\x1b'))
  assert.ok(colourful.includes('\x1b[31mx\x1b[39m'))
  assert.equal(stripVTControlCharacters(colourful), plain)
})

test('no text of a cell gives a terminal an instruction, or makes a line of its own', () => {
  for (const columns of [undefined, 80]) {
    for (const { text } of TERMINAL_ATTACKS) {
      const rows = [{ id: text, note: `${text}\n${text}`, size: text }]
      const printed = table(
        COLUMNS,
        rows,
        testOutput(columns === undefined ? {} : { columns }, () => {}),
      )
      assert.ok(isHarmless(printed))
      assert.equal(printed.split('\n').length, 3)
    }
  }
})
