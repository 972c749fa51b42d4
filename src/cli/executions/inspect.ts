import type { ExecutionView } from '../../client/client.ts'
import { formatBytes, formatCores, formatDuration } from '../output/format.ts'
import { printJson } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import { style } from '../output/style.ts'
import { wrapText } from '../output/wrap-text.ts'
import type { Output, Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import type { OneFlags } from './execution-commands.ts'
import { describeStatus, ranMs, styleOf } from './list.ts'

const LABEL_WIDTH = 12

/** Prints one record, for people unless JSON is asked for. */
export async function inspect(id: string, flags: OneFlags, terminal: Terminal): Promise<void> {
  const record = await withClient(flags, terminal, ({ executions }) => executions.get(id))
  if (flags.json === true) printJson(terminal.stdout, record)
  else for (const [label, text] of linesOf(record, terminal.stdout)) printLine(terminal.stdout, label, text)
}

function printLine(output: Output, label: string, text: string): void {
  const [first = '', ...rest] = wrapText(text, output.columns - LABEL_WIDTH)
  output.write(`${label.padEnd(LABEL_WIDTH)}${first}\n`)
  for (const line of rest) output.write(`${' '.repeat(LABEL_WIDTH)}${line}\n`)
}

function linesOf(record: ExecutionView, output: Output): [label: string, text: string][] {
  const { message, exitCode, image, times, resources, ports, outputs, labels, warnings, queue } = record
  const { asked, used } = resources
  const lines: [string, string | undefined][] = [
    ['id', record.id],
    ['status', styled(record, output)],
    ['message', message || undefined],
    ['waits for', queue?.reason],
    ['exit code', exitCode?.toString()],
    ['image', image === undefined ? undefined : `${image.reference} (${image.digest ?? image.id})`],
    ['isolation', `${record.isolation} on ${record.engine}`],
    ['caller', record.caller],
    ['job', record.job === record.id ? undefined : record.job],
    ['attempt', record.attempt > 1 ? record.attempt.toString() : undefined],
    ['accepted', times.accepted],
    ['ended', times.ended],
    ['ran', formatDuration(ranMs(times, Date.now()))],
    [
      'asked',
      `${formatCores(asked.cpu * 1000)} cores, ${formatBytes(asked.memory)} memory, ${formatBytes(asked.disk)} disk`,
    ],
    ['used', describeUse(used)],
    ['output', formatBytes(record.logs.bytes)],
    ...ports.map(({ port, hostIp, hostPort, protocol }): [string, string] => [
      'port',
      `${hostIp}:${hostPort} -> ${port}/${protocol}`,
    ]),
    ...outputs.map(({ path, bytes, files }): [string, string] => [
      'result',
      `${path}: ${files} files, ${formatBytes(bytes)}`,
    ]),
    ...Object.entries(labels).map(([name, value]): [string, string] => ['label', `${name}=${value}`]),
    ...warnings.map((warning): [string, string] => ['warning', warning]),
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

function describeUse({ cpuSeconds, memoryPeak }: ExecutionView['resources']['used']): string {
  const cpu = cpuSeconds === undefined ? '-' : formatDuration(cpuSeconds * 1000)
  return `${cpu} of processor time, ${formatBytes(memoryPeak)} memory at most`
}
