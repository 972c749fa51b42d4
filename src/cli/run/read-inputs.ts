import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { abortable } from '../../util/abort.ts'
import type { Input } from '../terminal.ts'
import type { LocalInput } from './run-request.ts'
import type { SentInput } from './transfers.ts'

/** Inputs as files of this machine, all of them. Disposing removes what was made for that. */
export interface ReadInputs extends AsyncDisposable {
  readonly all: readonly SentInput[]
}

const FILE = 'stdin'

/** Reads stdin to its end where that is an input: an archive tells the size of a file before the file. @throws signal.reason */
export async function readInputs(
  inputs: readonly LocalInput[],
  stdin: Input,
  signal: AbortSignal,
): Promise<ReadInputs> {
  await using undo = new AsyncDisposableStack()
  const all: SentInput[] = []
  for (const { name, from } of inputs) {
    all.push({ name, ...(from === 'stdin' ? await spool(stdin, signal, undo) : from) })
  }
  const held = undo.move()
  return { all, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

async function spool(stdin: Input, signal: AbortSignal, undo: AsyncDisposableStack): Promise<Omit<SentInput, 'name'>> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-stdin-'))
  undo.defer(() => rm(folder, { recursive: true, force: true }))
  // Nothing can end a read of a terminal: whoever does not wait for it any more ends the process.
  await abortable(writeFile(join(folder, FILE), stdin, { mode: 0o600 }), signal)
  return { folder, file: FILE }
}
