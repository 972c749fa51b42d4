import Table from 'cli-table3'
import type { Output } from '../terminal.ts'
import { neutralize } from './neutralize.ts'
import { type Style, style } from './style.ts'
import { cutText, textWidth } from './text-width.ts'

export interface Column<Row> {
  /** In capitals. */
  readonly title: string
  /** Anything: it is neutralised here. */
  readonly value: (row: Row) => string
  readonly align?: 'right'
  /**
   * For free text: where the screen is too narrow, the column with the highest number is cut first, down to the width of its
   * title or 8 columns. Default: never cut.
   */
  readonly cutFirst?: number
  readonly style?: (row: Row) => Style | undefined
}

const GAP = 3
const LEAST_WIDTH = 8

/**
 * A table as `docker ps` prints it: a head, one line per row, no borders. Fits the columns of a terminal as far as its free
 * texts can be cut; in a pipe everything is there in full.
 */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], output: Output): string {
  const texts = rows.map((row) => columns.map(({ value }) => neutralize(value(row))))
  const widths = fit(columns, texts, output.columns)
  const printed = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
  })
  for (const [at, row] of rows.entries()) {
    printed.push(
      columns.map((column, place) => cell(texts[at]?.[place] ?? '', widths[place], column.style?.(row), output)),
    )
  }
  const lines = printed.toString().split('\n')
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

function cell(text: string, width: number | undefined, format: Style | undefined, output: Output): string {
  const cut = width === undefined ? text : cutText(text, width)
  return format === undefined ? cut : style(format, cut, output)
}

/** How wide each column may be. */
function fit(columns: readonly Column<never>[], texts: readonly (readonly string[])[], available: number): number[] {
  const widths = columns.map(({ title }, place) =>
    texts.reduce((widest, row) => Math.max(widest, textWidth(row[place] ?? '')), title.length),
  )
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP * (columns.length - 1) - available
  const inOrder = columns
    .map(({ cutFirst, title }, place) => ({ place, cutFirst, least: Math.max(title.length, LEAST_WIDTH) }))
    .filter(({ cutFirst }) => cutFirst !== undefined)
    .sort((a, b) => (b.cutFirst ?? 0) - (a.cutFirst ?? 0))
  for (const { place, least } of inOrder) {
    const width = widths[place] ?? 0
    const taken = Math.min(Math.max(excess, 0), Math.max(width - least, 0))
    widths[place] = width - taken
    excess -= taken
  }
  return widths
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: ' '.repeat(GAP),
}
