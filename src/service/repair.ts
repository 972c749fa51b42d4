import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isTerminal } from '../core/execution.ts'
import type { Engine, SandboxView } from '../engine/engine.ts'
import {
  describeExecution,
  INSTALLATION_LABEL,
  type Installation,
  isOurs,
  kindOf,
  ownerIdOf,
} from '../instance/identity.ts'
import type { JournalRepair, Salvage } from '../journal/journal-repair.ts'
import { unlessMissing } from '../util/unless-missing.ts'
import type { ExecutionRecord } from './executor.ts'
import { lostRecord, type RepairTime, rebuild, resumeRead } from './repaired-record.ts'

export interface RepairDeps {
  readonly journal: JournalRepair<ExecutionRecord>
  readonly engine: Engine
  readonly installation: Installation
  readonly executorId: string
  /** Where each execution has a folder. */
  readonly folder: string
  readonly time: RepairTime
}

export interface RepairReport {
  /** What was wrong. */
  readonly damage: string
  /** A copy of what there was; undefined when there was nothing. */
  readonly aside: string | undefined
  /** Records that could be read. */
  readonly read: number
  /** Places that could not be; undefined when nothing could be made out. */
  readonly unreadable: number | undefined
  /** Executions that go on with a record made from their container's labels. */
  readonly rebuilt: readonly string[]
  /** Executions that are `lost` now. */
  readonly lost: readonly string[]
}

/**
 * Makes a new journal out of what can be read of a damaged one, what the engine shows of this installation, and the
 * folders of executions. No daemon may be at work. Undefined when the journal is sound: nothing is changed then.
 * @throws engine_unavailable, before anything is changed; storage_error
 */
export async function repairJournal(deps: RepairDeps, signal: AbortSignal): Promise<RepairReport | undefined> {
  const { journal } = deps
  const damage = journal.findDamage()
  if (damage === undefined) return undefined
  const views = await findSandboxes(deps, signal)
  const aside = await journal.putAside()
  const salvage = journal.salvage()
  const made = makeRecords(deps, salvage, views, await foldersIn(deps.folder))
  await journal.replace(made.map(({ record, key }) => ({ record, key })))
  const records = made.map(({ record }) => record)
  const wasRead = new Map(salvage.entries.map(({ record }) => [record.executionId, record]))
  return {
    damage,
    aside,
    read: salvage.entries.length,
    unreadable: salvage.unreadable,
    rebuilt: idsOf(records.filter(({ executionId, status }) => !isTerminal(status) && !wasRead.has(executionId))),
    lost: idsOf(records.filter(({ executionId, status }) => status === 'lost' && !isLost(wasRead.get(executionId)))),
  }
}

type Entry = Salvage<ExecutionRecord>['entries'][number]

function makeRecords(
  { executorId, folder, engine, time }: RepairDeps,
  salvage: Salvage<ExecutionRecord>,
  views: ReadonlyMap<string, SandboxView>,
  folders: readonly string[],
): Entry[] {
  const resultsOf = (id: string): string => join(folder, id, 'results')
  const entries = new Map<string, Entry>()
  for (const { record, key } of salvage.entries) {
    // Whatever the node was called then: the journal and the sandboxes are of one installation.
    const view = views.get(record.executionId)
    entries.set(record.executionId, { record: resumeRead(record, view, time), key })
  }
  for (const [id, view] of views) {
    const labelled = describeExecution(view)
    if (entries.has(id) || labelled === undefined) continue
    entries.set(id, { record: rebuild(labelled, view, engine.name, resultsOf(id), time), key: undefined })
  }
  for (const id of folders) {
    if (entries.has(id)) continue
    entries.set(id, { record: lostRecord(id, executorId, resultsOf(id), time), key: undefined })
  }
  return [...entries.values()]
}

/** What the engine shows of executions of this installation, by their ids; of several tries, the one that has run. */
async function findSandboxes(
  { engine, installation }: RepairDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SandboxView>> {
  const listed = await engine.list(INSTALLATION_LABEL, installation.id, signal)
  const ours = listed.filter((listing) => isOurs(installation, listing) && kindOf(listing) === 'execution')
  const views = await Promise.all(ours.map((listing) => engine.inspect(listing, signal)))
  const found = views.filter((view) => view !== undefined)
  const hasRun = ({ state }: SandboxView): number => (state === 'created' ? 0 : 1)
  return new Map(found.toSorted((a, b) => hasRun(a) - hasRun(b)).map((view) => [ownerIdOf(view), view]))
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true }).catch(unlessMissing)) ?? []
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}

function idsOf(records: readonly ExecutionRecord[]): string[] {
  return records.map(({ executionId }) => executionId)
}

function isLost(record: ExecutionRecord | undefined): boolean {
  return record?.status === 'lost'
}
