import { uptime } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { makeRoom } from '../journal/sqlite/reserve.ts'
import { JOURNAL_FILE } from '../journal/sqlite/sqlite-journal.ts'
import { SqliteRepair } from '../journal/sqlite/sqlite-repair.ts'
import { readBootId } from '../resources/boot-id.ts'
import type { ExecutionRecord } from '../service/executor.ts'
import { type RepairReport, repairJournal } from '../service/repair.ts'
import { StateFolder } from '../service/state-folder.ts'
import type { Config } from './config/config.ts'
import { openDocker } from './open-docker.ts'

/**
 * Repairs the journal of the node that a configuration describes. Undefined when there is nothing to repair.
 * @throws StateFolderLocked while a daemon is at work; as `repairJournal`
 */
export async function repair(
  config: Config,
  { log }: { readonly log: Log },
  signal: AbortSignal,
): Promise<RepairReport | undefined> {
  const { stateDir, node } = config
  await using state = await StateFolder.open(stateDir, () => makeRoom(join(stateDir, JOURNAL_FILE)))
  const { installation } = state
  const journal = new SqliteRepair<ExecutionRecord>(join(stateDir, JOURNAL_FILE))
  if (journal.findDamage() === undefined) return undefined
  // As the daemon opens it, so that what runs keeps its network.
  await using engine = await openDocker(config, installation, log, signal)
  const nowMs = systemClock.wallMs()
  const time = { nowMs, bootMs: nowMs - uptime() * 1000, bootId: await readBootId() }
  const folder = join(stateDir, 'executions')
  return await repairJournal({ journal, engine, installation, executorId: node, folder, time }, signal)
}
