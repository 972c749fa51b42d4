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
import type { LocalInput, LocalOutput } from './run-request.ts'

/** What a machine takes of what a task made is its owner's to bound on the node. */
const NO_LIMIT = { bytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER }

/** Sends files and folders, links left out. @throws not_found for one that is not there, and as the client does */
export async function sendInputs(
  { executions }: ErrandClient,
  id: string,
  inputs: readonly LocalInput[],
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
    await mkdir(folder, { recursive: true })
    using root = await OpenPath.open(folder, true)
    const writer = new TreeWriter(root, new Allowance(NO_LIMIT))
    const download = await executions.outputs(id, name, { signal })
    if ((await receive(download, name, writer, signal)) === 0) continue
    const message = `${name} is in ${folder} already, in whole or in part: what was there is as it was`
    throw new ErrandError('already_exists', message)
  }
  return outputs.every(({ name }) => made.has(name))
}

/** Returns how much was left out. */
async function receive(download: Download, name: string, writer: TreeWriter, signal: AbortSignal): Promise<number> {
  const { contentType, bytes = 0, body } = download
  if (contentType === 'application/x-tar') {
    return (await unpackTar(body, writer, { onForbidden: 'skip', topName: name }, signal)).skipped
  }
  const written = await writer.writeFile([name], { bytes, isExecutable: false }, body)
  body.destroy()
  return written === 'written' ? 0 : 1
}
