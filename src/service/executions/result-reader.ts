import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import { openHeldFile, openResult, readFileRange } from '../../files/open-result.ts'
import { packTree } from '../../files/pack-tree.ts'
import type { ExecutionRecord } from '../executor.ts'

/** Something that an execution has left, to be read once. Disposing lets go of it. */
export interface ResultReader extends AsyncDisposable {
  /** The last part of its path; undefined for all outputs together. */
  readonly name: string | undefined
  /** Of a file. Undefined: it comes as a tar archive, whose length nobody knows before its end. */
  readonly bytes: number | undefined
  /** A file from `start` on, `bytes` of it. Both are of no account for an archive. */
  read(start: number, bytes: number): AsyncIterable<Uint8Array>
}

/**
 * Opens one output, something in one, or, with an empty path, all of them. What is not listed in the record is not there.
 * @throws not_ready before the execution has ended; not_found; storage_error
 */
export async function openResultOf(record: ExecutionRecord, path: readonly string[]): Promise<ResultReader> {
  const { executionId, status, outputs, resultsDir } = record
  if (!isTerminal(status)) {
    throw new ErrandError('not_ready', `execution ${executionId} has not ended: it is ${status}`, {
      details: { status },
    })
  }
  const trees = outputs.map(({ file }) => ({ folder: resultsDir, parts: [file], name: file }))
  const [top] = path
  if (top === undefined) return archive(undefined, trees)
  const name = path.at(-1) ?? top
  if (!outputs.some(({ file }) => file === top)) throw new ErrandError('not_found', 'there is no such output')
  using held = await openResult(resultsDir, path)
  if (held.isFolder) return archive(name, [{ folder: resultsDir, parts: path, name }])
  const file = await openHeldFile(held)
  try {
    const { size: bytes } = await file.stat()
    const read = (start: number, wanted: number): AsyncIterable<Uint8Array> => readFileRange(file, start, wanted)
    return { name, bytes, read, [Symbol.asyncDispose]: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The same, that keeps `held` until it is disposed. */
export function holding(reader: ResultReader, held: Disposable): ResultReader {
  const { name, bytes } = reader
  const close = async (): Promise<void> => {
    held[Symbol.dispose]()
    await reader[Symbol.asyncDispose]()
  }
  return { name, bytes, read: (start, wanted) => reader.read(start, wanted), [Symbol.asyncDispose]: close }
}

function archive(name: string | undefined, trees: Parameters<typeof packTree>[0]): ResultReader {
  return { name, bytes: undefined, read: () => packTree(trees), [Symbol.asyncDispose]: async () => {} }
}
