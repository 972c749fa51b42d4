import type { NodeConfigView } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { parseBytes } from '../../util/quantity.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { malformed, readDuration, readNumber } from '../flag-values.ts'
import { describeFacts } from '../output/facts.ts'
import { formatBytes, formatCoreCount, formatCores, formatDuration } from '../output/format.ts'
import { printJson } from '../output/json.ts'
import type { Output, Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'

export interface GrantFlags extends ContextFlags {
  readonly cpu?: string
  readonly mem?: string
  readonly keepAlive?: string
  readonly json?: boolean
}

/** Changes what the owner grants, and prints all of it. @throws validation_failed */
export async function changeGrant(flags: GrantFlags, terminal: Terminal): Promise<void> {
  const { cpu, mem, keepAlive, json } = flags
  const change = {
    ...(cpu !== undefined && { cpu: readNumber('--cpu', cpu) }),
    ...(mem !== undefined && { memory: readSize(mem) }),
    ...(keepAlive !== undefined && { keepAliveMs: readDuration('--keep-alive', keepAlive) }),
  }
  if (Object.keys(change).length === 0) {
    throw new ErrandError('validation_failed', 'nothing to change: give --cpu, --mem or --keep-alive')
  }
  const granted = await withClient(flags, terminal, ({ node }) => node.changeConfig(change))
  for (const note of describeCaps(change, granted)) terminal.stderr.write(`errand: ${note}\n`)
  if (json === true) printJson(terminal.stdout, granted)
  else terminal.stdout.write(describeGrant(granted, terminal.stdout))
}

/** With its unit: `errand serve --mem 512` means MB, and bytes would be meant here. */
function readSize(text: string): string {
  if (/[a-z]$/i.test(text)) return text
  throw malformed('--mem', text, 'a size with its unit, such as 512MiB')
}

/** The node grants no more than its host has, and says what that is. */
function describeCaps(asked: { cpu?: number; memory?: string }, granted: NodeConfigView): string[] {
  const { cpu = 0, memory = '0' } = asked
  const cores = `--cpu ${cpu} is more than this host offers; it is ${formatCores(granted.cpu * 1000)} now`
  const bytes = `--mem ${memory} is more than this host offers; it is ${formatBytes(granted.memory)} now`
  return [...(granted.cpu < cpu ? [cores] : []), ...(granted.memory < (parseBytes(memory) ?? 0) ? [bytes] : [])]
}

function describeGrant({ cpu, memory, keepAliveMs, version }: NodeConfigView, output: Output): string {
  const facts: [string, string][] = [
    ['cpu', formatCoreCount(cpu * 1000)],
    ['memory', formatBytes(memory)],
    ['keep-alive', formatDuration(keepAliveMs)],
    ...(version === undefined ? [] : [['config', `version ${version}`] satisfies [string, string]]),
  ]
  return describeFacts(facts, output)
}
