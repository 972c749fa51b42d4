import { malformed, readWholeNumber } from './flag-values.ts'
import { printJsonLine } from './output/json.ts'
import { neutralize } from './output/neutralize.ts'
import { type Column, table } from './output/table.ts'
import type { Terminal } from './terminal.ts'

/** What commands that list something long are told. Everything as it was written. */
export interface ListingFlags {
  readonly limit?: string
  readonly quiet?: boolean
  readonly json?: boolean
}

export interface Listing<Row> {
  /** All that there are, with pages of so many. */
  readonly rows: (page: number) => AsyncIterable<Row>
  readonly columns: readonly Column<Row>[]
}

const PAGE = 200
/** What a screen shows unless more is asked for. */
const DEFAULT_SHOWN = 50
/** Of those that are not shown so many are counted. */
const MOST_COUNTED = 1000

/** Prints all of something for programs, and on a screen as many as fit to be read. @throws validation_failed */
export async function printListing<Row extends { readonly id: string }>(
  { rows, columns }: Listing<Row>,
  { limit, quiet, json }: ListingFlags,
  terminal: Terminal,
): Promise<void> {
  const { stdout } = terminal
  const most = limit === undefined ? undefined : readLimit(limit)
  const isForPeople = json !== true && quiet !== true
  if (isForPeople && stdout.isTTY) return showSome(rows(PAGE), most ?? DEFAULT_SHOWN, columns, terminal)
  const wanted = firstOf(rows(Math.min(most ?? PAGE, PAGE)), most ?? Infinity)
  if (isForPeople) return stdout.write(table(columns, await Array.fromAsync(wanted), stdout))
  for await (const row of wanted) {
    if (json === true) printJsonLine(stdout, row)
    else stdout.write(`${neutralize(row.id)}\n`)
    await stdout.taken()
  }
}

async function showSome<Row>(
  rows: AsyncIterable<Row>,
  most: number,
  columns: readonly Column<Row>[],
  { stdout, stderr }: Terminal,
): Promise<void> {
  const shown: Row[] = []
  let left = 0
  for await (const row of rows) {
    if (shown.length < most) shown.push(row)
    else left += 1
    if (left === MOST_COUNTED) break
  }
  stdout.write(table(columns, shown, stdout))
  if (left === 0) return
  const many = left === MOST_COUNTED ? `at least ${left}` : `${left}`
  stderr.write(`errand: ${many} more are not shown: --limit shows more, and a pipe gets all of them\n`)
}

async function* firstOf<Row>(rows: AsyncIterable<Row>, most: number): AsyncGenerator<Row, void, undefined> {
  let count = 0
  for await (const row of rows) {
    yield row
    count += 1
    if (count >= most) return
  }
}

function readLimit(text: string): number {
  const limit = readWholeNumber('--limit', text)
  if (limit > 0) return limit
  throw malformed('--limit', text, '1 or more')
}
