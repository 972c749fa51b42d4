import { type ExplainedValue, explain, showValue } from '../daemon/config/explain.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { printJson } from './output/json.ts'
import { type Column, table } from './output/table.ts'
import type { Terminal } from './terminal.ts'

const COLUMNS: readonly Column<ExplainedValue>[] = [
  { title: 'KEY', value: ({ key }) => key },
  { title: 'VALUE', value: ({ value }) => showValue(value), cutFirst: 2 },
  { title: 'ORIGIN', value: ({ origin }) => origin, cutFirst: 1 },
]

/** @throws ConfigError */
export function explainConfig(
  { json, ...flags }: ConfigFlags & { readonly json?: boolean },
  { host, stdout }: Pick<Terminal, 'host' | 'stdout'>,
): void {
  const rows = explain(loadConfig(flags, host).values)
  if (json === true) printJson(stdout, rows)
  else stdout.write(table(COLUMNS, rows, stdout))
}
