import { describeValues, explain } from '../daemon/config/explain.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { printJson } from './output/json.ts'
import { neutralize } from './output/neutralize.ts'
import type { Terminal } from './terminal.ts'

/** @throws ConfigError */
export function explainConfig(
  { json, ...flags }: ConfigFlags & { readonly json?: boolean },
  { host, stdout }: Pick<Terminal, 'host' | 'stdout'>,
): void {
  const { values } = loadConfig(flags, host)
  if (json === true) printJson(stdout, explain(values))
  else stdout.write(neutralize(describeValues(values), { lines: true }))
}
