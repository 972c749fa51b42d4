import type { NodeView } from '../../client/client.ts'
import { describeShare } from '../output/bar.ts'
import { describeFacts, type Fact } from '../output/facts.ts'
import { formatBytes, formatCoreCount, formatCores } from '../output/format.ts'
import { neutralize } from '../output/neutralize.ts'
import { type Style, style } from '../output/style.ts'
import type { Output } from '../terminal.ts'

/** A node for people: what it is, offers and uses, and what its owner should know. */
export function describeNode(view: NodeView, output: Output): string {
  const { node, state, versions, executions, engines, isolations, warnings } = view
  const facts: Fact[] = [
    ['node', `${node} (Errand ${versions.errand}, Node.js ${versions.node})`],
    ...usageOf(view, output),
    ['executions', `${executions.running} running, ${executions.waiting} waiting`],
    ...engines.map((engine): Fact => ['engine', describeEngine(engine)]),
    ...isolations.map((isolation): Fact => ['isolation', describeIsolation(isolation)]),
    ...warnings.map((warning): Fact => ['warning', warning]),
  ]
  const [first, ...others] = facts.map(([label, text]): Fact => [label, neutralize(text)])
  return describeFacts(
    [...(first ? [first] : []), ['state', style(STATE_STYLE[state], state, output)], ...others],
    output,
  )
}

const STATE_STYLE: Record<NodeView['state'], Style> = { serving: 'green', paused: 'yellow', draining: 'yellow' }

function usageOf({ offered, leased, host }: NodeView, output: Output): Fact[] {
  const leases = (part: number, whole: number, text: string): string =>
    `${describeShare(whole === 0 ? 0 : part / whole, output)} leased: ${text}`
  return [
    ['cpu', leases(leased.cpu, offered.cpu, `${cores(leased.cpu)} of ${coreCount(offered.cpu)}`)],
    [
      'memory',
      leases(leased.memory, offered.memory, `${formatBytes(leased.memory)} of ${formatBytes(offered.memory)}`),
    ],
    ...(offered.gpus === 0
      ? []
      : [['gpus', leases(leased.gpus, offered.gpus, `${leased.gpus} of ${offered.gpus}`)] as const]),
    ['host cpu', `${describeShare(host.cpuUsed, output)} used of ${coreCount(host.cpu)}`],
    ['host memory', `${describeShare(host.memoryUsed, output)} used of ${formatBytes(host.memory)}`],
  ]
}

function coreCount(count: number): string {
  return formatCoreCount(count * 1000)
}

function cores(count: number): string {
  return formatCores(count * 1000)
}

function describeEngine({ name, version, outlivesRestart, runtimes }: NodeView['engines'][number]): string {
  const known = runtimes.map((runtime) => {
    const facts = [...(runtime.default ? ['default'] : []), ...(runtime.enforcesLimits ? [] : ['no limits'])]
    return facts.length === 0 ? runtime.name : `${runtime.name} (${facts.join(', ')})`
  })
  const restart = outlivesRestart ? '' : '; work ends when it is restarted'
  return `${name} ${version}: ${known.join(', ')}${restart}`
}

function describeIsolation(view: NodeView['isolations'][number]): string {
  const { isolation, available, runtime, refusal, unenforced = [] } = view
  if (!available) return `${isolation}: not available: ${refusal ?? 'there is nothing for it'}`
  const lack = unenforced.length === 0 ? '' : `; does not enforce limits of ${unenforced.join(', ')}`
  return `${isolation}: by ${runtime ?? 'the engine'}${lack}`
}
