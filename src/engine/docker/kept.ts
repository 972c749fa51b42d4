import type { OutputChunk, OutputRange, SandboxRef } from '../engine.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'
import { demultiplex } from './demultiplexer.ts'

const MS_PER_SECOND = 1000

/** Output that the Engine kept of a container, as the port says. */
export async function* keptOutput(
  client: DockerClient,
  ref: SandboxRef,
  { lastLines, sinceMs, follow }: OutputRange,
  signal: AbortSignal,
): AsyncGenerator<OutputChunk> {
  const query = {
    stdout: '1',
    stderr: '1',
    tail: lastLines === undefined ? 'all' : String(lastLines),
    ...(sinceMs === undefined ? {} : { since: (sinceMs / MS_PER_SECOND).toFixed(3) }),
    ...(follow === true ? { follow: '1' } : {}),
  }
  const request = { operation: 'output', method: 'GET', path: containerPath(ref.id, '/logs'), query } as const
  using body = await client.stream(request, client.deadlines.inspectMs, signal)
  yield* demultiplex(body)
}

/** A file or folder out of a container as a tar stream, as the port says. */
export async function* keptFiles(
  client: DockerClient,
  ref: SandboxRef,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const request = {
    operation: 'collect',
    method: 'GET',
    path: containerPath(ref.id, '/archive'),
    query: { path },
  } as const
  // The Engine may have to mount the file system of a container that does not run.
  using body = await client.stream(request, client.deadlines.changeMs, signal)
  yield* body
}
