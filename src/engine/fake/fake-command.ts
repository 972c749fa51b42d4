import { ErrandError } from '../../core/errors.ts'
import { abortable } from '../../util/abort.ts'
import type { ExecCommand, OutputSink } from '../engine.ts'
import { toChunk } from './fake-output.ts'
import type { FakeExecAnswer, FakeOutput, FakeProcess, FakeScript } from './fake-script.ts'

const KILLED = 137

/** Plays one command beside the main process. @throws command_not_found */
export async function runCommand(
  script: FakeScript,
  process: FakeProcess,
  command: ExecCommand,
  sink: OutputSink,
): Promise<{ readonly exitCode: number }> {
  const print = (output: FakeOutput): void => {
    const chunk = toChunk(output)
    if (chunk.data.length > 0 && !process.ended.aborted) sink(chunk)
  }
  const answer = await answerOf(process, async () => script.exec?.({ ...command, process, print }))
  if (answer === undefined) {
    throw new ErrandError('command_not_found', `fake: no such command: ${command.argv[0] ?? ''}`)
  }
  print({ stream: 'stdout', data: answer.stdout ?? '' })
  print({ stream: 'stderr', data: answer.stderr ?? '' })
  return { exitCode: answer.exitCode }
}

async function answerOf(
  process: FakeProcess,
  play: () => Promise<FakeExecAnswer | undefined>,
): Promise<FakeExecAnswer | undefined> {
  try {
    return await abortable(play(), process.ended)
  } catch (error) {
    if (process.ended.aborted) return { exitCode: KILLED }
    throw error
  }
}
