import type { Log } from '../core/log.ts'
import type { Config } from '../daemon/config/config.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { openLog } from '../daemon/logger.ts'
import { repair as repairJournal } from '../daemon/repair.ts'
import type { RepairReport } from '../service/repair.ts'
import { printJson } from './output/json.ts'
import { neutralize } from './output/neutralize.ts'
import { StopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'

type Repair = (config: Config, deps: { readonly log: Log }, signal: AbortSignal) => Promise<RepairReport | undefined>

/** Repairs a node's journal, and prints what became of what was in it. @throws as `repair` of the daemon */
export async function runRepair(
  { json, ...flags }: ConfigFlags & { readonly json?: boolean },
  terminal: Terminal,
  repair: Repair = repairJournal,
): Promise<void> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { config } = loadConfig(flags, terminal.host)
  const report = await repair(config, { log: openLog(config.log.level, neutralize) }, signals.signal)
  if (json === true) printJson(terminal.stdout, report ?? { damage: null })
  else terminal.stdout.write(neutralize(describe(report), { lines: true }))
}

function describe(report: RepairReport | undefined): string {
  if (report === undefined) return 'The journal is sound. Nothing was changed.\n'
  const { damage, aside, read, unreadable, rebuilt, lost } = report
  const lines = [
    `The journal was damaged: ${damage}`,
    aside === undefined ? 'There was no file to keep.' : `What there was is kept in ${aside}`,
    unreadable === undefined
      ? 'Nothing of it could be read: the history of this node is lost.'
      : `${read} executions could be read; at ${unreadable} places nothing could.`,
    ...listed('Go on with a record made from their containers', rebuilt),
    ...listed('Are lost: nothing says what became of them', lost),
    'Lost in any case: the list of events, and what was recorded last before the damage.',
  ]
  return `${lines.join('\n')}\n`
}

function listed(title: string, ids: readonly string[]): string[] {
  return ids.length === 0 ? [] : [`${title} (${ids.length}):`, ...ids.map((id) => `  ${id}`)]
}
