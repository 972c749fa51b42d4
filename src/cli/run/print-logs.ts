import type { ErrandClient, LogLine } from '../../client/client.ts'
import type { LogOptions } from '../../client/logs.ts'
import { foreignOutput } from '../output/foreign-output.ts'
import { formatBytes } from '../output/format.ts'
import { printJsonLine } from '../output/json.ts'
import { StampedOutput } from '../output/stamped-output.ts'
import type { Terminal } from '../terminal.ts'

export interface PrintOptions {
  /** The bytes as they are on a terminal, too. */
  readonly raw?: boolean | undefined
  /** With the time before each line. */
  readonly timestamps?: boolean | undefined
  /** Lines of JSON, with times and streams. */
  readonly json?: boolean | undefined
  /** Called before each line. */
  readonly onLine?: () => void
}

/** Prints the output of an execution, each stream where it belongs. @throws what `logs` of the client throws */
export async function printLogs(
  { executions }: ErrandClient,
  id: string,
  range: LogOptions,
  { raw = false, timestamps = false, json, onLine = () => {} }: PrintOptions,
  { stdout, stderr }: Terminal,
): Promise<void> {
  const outputs = { stdout: foreignOutput(stdout, { raw }), stderr: foreignOutput(stderr, { raw }) }
  const stamped = { stdout: new StampedOutput(outputs.stdout), stderr: new StampedOutput(outputs.stderr) }
  try {
    for await (const line of executions.logs(id, range)) {
      onLine()
      if (json === true) printJsonLine(stdout, line)
      else if (line.gap !== undefined) stderr.write(describeGap(line.gap))
      else if (timestamps) stamped[line.stream].write(bytesOf(line), line.time)
      else outputs[line.stream].write(bytesOf(line))
      await stdout.taken()
      await stderr.taken()
    }
  } finally {
    outputs.stdout.end()
    outputs.stderr.end()
  }
}

function bytesOf({ data = '', base64 }: LogLine): Buffer {
  return base64 === undefined ? Buffer.from(data) : Buffer.from(base64, 'base64')
}

function describeGap({ cause, bytes }: NonNullable<LogLine['gap']>): string {
  const amount = bytes === undefined ? 'some output' : formatBytes(bytes)
  return `errand: ${amount} is not here: ${cause === 'limit' ? 'above the limit of what is kept' : 'it could not be read'}\n`
}
