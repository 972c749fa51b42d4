import { mkdir } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { ErrandClient, ExecutionView } from '../../client/client.ts'
import type { Download } from '../../client/download.ts'
import { ErrandError } from '../../core/errors.ts'
import { Allowance } from '../../files/allowance.ts'
import { unpackTar } from '../../files/guarded-tar.ts'
import { OpenPath } from '../../files/open-path.ts'
import { packTree } from '../../files/pack-tree.ts'
import { TreeWriter } from '../../files/tree-writer.ts'
import type { LocalOutput } from './run-request.ts'

/** What a machine takes of what a task made is its owner's to bound on the node. */
const NO_LIMIT = { bytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER }

/** A file or folder of this machine, and its name in what is sent. */
export interface SentInput {
  readonly name: string
  readonly folder: string
  readonly file: string
}

/** Sends files and folders, links left out. @throws not_found for one that is not there, and as the client does */
export async function sendInputs(
  { executions }: ErrandClient,
  id: string,
  inputs: readonly SentInput[],
  signal: AbortSignal,
): Promise<void> {
  const trees = inputs.map(({ name, folder, file }) => ({ folder, parts: [file], name }))
  await executions.uploadInputs(id, Readable.from(packTree(trees)), { signal })
}

/**
 * Brings results here: plain files and folders alone, and nothing that would replace a file that is here. Resolves with
 * whether the execution made them all: what it did not make is a warning of its record. @throws already_exists for what is
 * here already; as the client does
 */
export async function fetchOutputs(
  { executions }: ErrandClient,
  id: string,
  outputs: readonly LocalOutput[],
  record: ExecutionView,
  signal: AbortSignal,
): Promise<boolean> {
  const made = new Set(record.outputs.map(({ name }) => name))
  for (const { name, folder } of outputs.filter((output) => made.has(output.name))) {
    await bring(await executions.outputs(id, name, { signal }), { folder, name }, signal)
  }
  return outputs.every(({ name }) => made.has(name))
}

/** Where something is to be here. What is an archive has a name of its own for all that is in it, unless it gets one. */
export interface LocalPlace {
  readonly folder: string
  readonly name?: string
}

/** Writes what is downloaded, and replaces nothing. @throws already_exists; storage_error; as the download fails */
export async function bring(download: Download, { folder, name }: LocalPlace, signal: AbortSignal): Promise<void> {
  using _body = { [Symbol.dispose]: () => void download.body.destroy() }
  await mkdir(folder, { recursive: true })
  using root = await OpenPath.open(folder, true)
  const writer = new TreeWriter(root, new Allowance(NO_LIMIT))
  if ((await receive(download, name, writer, signal)) === 0) return
  const what = name === undefined ? 'some of it' : name
  const message = `${what} is in ${folder} already, in whole or in part: what was there is as it was`
  throw new ErrandError('already_exists', message)
}

/** Returns how much was left out. */
async function receive(
  { contentType, bytes = 0, body }: Download,
  name: string | undefined,
  writer: TreeWriter,
  signal: AbortSignal,
): Promise<number> {
  if (contentType === 'application/x-tar') {
    const topName = name === undefined ? {} : { topName: name }
    return (await unpackTar(body, writer, { onForbidden: 'skip', ...topName }, signal)).skipped
  }
  const written = await writer.writeFile([name ?? 'output'], { bytes, isExecutable: false }, body)
  return written === 'written' ? 0 : 1
}
