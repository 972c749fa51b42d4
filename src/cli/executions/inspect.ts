import { type ExecutionView, isTerminal } from '../../client/client.ts'
import { forEach } from '../for-each.ts'
import { describeGpus } from '../output/describe-gpus.ts'
import { describeFacts, type Fact } from '../output/facts.ts'
import { formatBytes, formatCoreCount, formatCount, formatDuration } from '../output/format.ts'
import { jsonDocuments } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import { shortImage } from '../output/short-image.ts'
import { style } from '../output/style.ts'
import type { Output, Terminal } from '../terminal.ts'
import type { OneFlags } from './flags.ts'
import { describeStatus, ranMs, styleOf } from './list.ts'

const LONG_DIGEST = /^(sha256:[0-9a-f]{12})[0-9a-f]{52}$/

/** Prints records, for people unless JSON is asked for. */
export async function inspect(ids: readonly string[], flags: OneFlags, terminal: Terminal): Promise<void> {
  const { stdout } = terminal
  const [first] = ids
  await forEach(ids, flags, terminal, {
    act: ({ executions }, id, signal) => executions.get(id, { signal }),
    show: (record, id) => {
      if (flags.json === true) return jsonDocuments(record, ids.length)
      return (id === first ? '' : '\n') + describeFacts(linesOf(record, stdout), stdout)
    },
  })
}

function linesOf(record: ExecutionView, output: Output): Fact[] {
  const { message, exitCode, image, times, resources, ports, outputs, labels, warnings, queue, configVersion } = record
  const { asked, used } = resources
  const lines: (readonly [string, string | undefined])[] = [
    ['id', record.id],
    ['status', styled(record, output)],
    ['message', message || undefined],
    ['waits for', queue?.reason],
    ['exit code', exitCode?.toString()],
    ['image', describeImage(image, output)],
    ['isolation', `${record.isolation}${record.sgx ? ', with SGX,' : ''} on ${record.engine}`],
    ['caller', record.caller],
    ['job', record.job === record.id ? undefined : record.job],
    ['config', configVersion === undefined ? undefined : `version ${configVersion}`],
    ['attempt', record.attempt > 1 ? record.attempt.toString() : undefined],
    ['accepted', times.accepted],
    ['ended', times.ended],
    ['ran', formatDuration(ranMs(times, Date.now()))],
    [
      'asked',
      `${formatCoreCount(asked.cpu * 1000)}, ${formatBytes(asked.memory)} memory, ${formatBytes(asked.disk)} disk`,
    ],
    ['gpus', asked.gpus.length === 0 ? undefined : asked.gpus.map(describeGpus).join('; ')],
    ['used', describeUse(used)],
    ['output', describeOutput(record)],
    ...ports.map(
      ({ port, hostIp, hostPort, protocol }): Fact => ['port', `${hostIp}:${hostPort} -> ${port}/${protocol}`],
    ),
    ...outputs.map(
      ({ path, bytes, files }): Fact => ['result', `${path}: ${formatCount(files, 'file')}, ${formatBytes(bytes)}`],
    ),
    ...Object.entries(labels).map(([name, value]): Fact => ['label', `${name}=${value}`]),
    ...warnings.map((warning): Fact => ['warning', warning]),
  ]
  return lines.flatMap(([label, text]) =>
    text === undefined ? [] : [[label, label === 'status' ? text : neutralize(text)]],
  )
}

function styled(record: ExecutionView, output: Output): string {
  const format = styleOf(record)
  const text = neutralize(describeStatus(record))
  return format === undefined ? text : style(format, text, output)
}

/** A digest is wider than a screen. */
function describeImage(image: ExecutionView['image'], { isTTY }: Output): string | undefined {
  if (image === undefined) return undefined
  const digest = image.digest ?? image.id
  return `${shortImage(image.reference)} (${isTTY ? digest.replace(LONG_DIGEST, '$1') : digest})`
}

/** Undefined as long as nobody knows. */
function describeUse({ cpuSeconds, memoryPeak }: ExecutionView['resources']['used']): string | undefined {
  const cpu = cpuSeconds === undefined ? [] : [`${formatDuration(cpuSeconds * 1000)} of processor time`]
  const memory = memoryPeak === undefined ? [] : [`${formatBytes(memoryPeak)} memory at most`]
  return [...cpu, ...memory].join(', ') || undefined
}

/** It is counted at the end. */
function describeOutput({ status, logs: { bytes, truncated } }: ExecutionView): string | undefined {
  if (!isTerminal(status) && bytes === 0) return undefined
  return `${formatBytes(bytes)}${truncated ? ', not all of it kept' : ''}`
}
