import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { type Download, type ErrandClient, ErrandError, isTerminal } from '../../client/client.ts'
import { foreignOutput } from '../output/foreign-output.ts'
import { printJson } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import { bring, type LocalPlace } from '../run/transfers.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import type { OutputFlags } from './flags.ts'

const STDOUT = '-'
const ARCHIVE = 'application/x-tar'

/**
 * Brings the results of an execution here, all of them or what a path names, or sends them to stdout.
 * @throws not_found; not_ready; already_exists for what is here already: nothing is replaced
 */
export async function bringOutputs(
  id: string,
  path: string | undefined,
  flags: OutputFlags,
  terminal: Terminal,
): Promise<void> {
  const { output = '.', raw = false, json } = flags
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { signal } = signals
  await withClient(flags, terminal, async ({ executions }) => {
    if (path === undefined) await assertSome(executions, id, signal)
    const download = await executions.outputs(id, path, { signal })
    if (output === STDOUT) return pour(download, raw, terminal)
    const place = await placeOf(download, path, output)
    await bring(download, place, signal)
    const to = place.name === undefined ? place.folder : join(place.folder, place.name)
    if (json === true) printJson(terminal.stdout, { id, ...(path !== undefined && { path }), to })
    else terminal.stdout.write(`${neutralize(to)}\n`)
  })
}

/** An archive of nothing would be written as nothing, and nobody told. */
async function assertSome(executions: ErrandClient['executions'], id: string, signal: AbortSignal): Promise<void> {
  const { status, outputs } = await executions.get(id, { signal })
  if (outputs.length > 0 || !isTerminal(status)) return
  throw new ErrandError('not_found', `${id} has left no outputs`)
}

/** All outputs, or a folder, go into a folder; a file goes there, too, or becomes the file that is named. */
async function placeOf({ contentType }: Download, path: string | undefined, output: string): Promise<LocalPlace> {
  const folder = resolve(output)
  if (path === undefined) return { folder }
  const name = basename(path)
  if (contentType === ARCHIVE || output.endsWith('/') || (await isFolder(folder))) return { folder, name }
  return { folder: dirname(folder), name: basename(folder) }
}

async function isFolder(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isDirectory() === true
}

async function pour({ contentType, body }: Download, raw: boolean, { stdout }: Terminal): Promise<void> {
  using _body = { [Symbol.dispose]: () => void body.destroy() }
  if (contentType === ARCHIVE && stdout.isTTY && !raw) {
    throw new ErrandError('validation_failed', 'a tar archive is nothing for a terminal: send it to a file or a pipe')
  }
  const output = foreignOutput(stdout, { raw })
  for await (const piece of body) {
    output.write(piece as Buffer)
    await stdout.taken()
  }
  output.end()
}
