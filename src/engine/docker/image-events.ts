import type { ImageEvent } from '../engine.ts'
import type { DockerClient } from './client.ts'
import { jsonLines } from './json-lines.ts'

const MS_PER_SECOND = 1000

/** Everything that can give a name to another image. A builder of Engine 20.10 that uses BuildKit tells nothing. */
const NAMING = ['tag', 'pull', 'load', 'import']

/** Says when names of images may have moved, from `sinceMs` (wall time) on. */
export async function* imageEvents(
  client: DockerClient,
  sinceMs: number,
  signal: AbortSignal,
): AsyncGenerator<ImageEvent> {
  const since = (sinceMs / MS_PER_SECOND).toFixed(3)
  const query = { since, filters: JSON.stringify({ type: ['image'], event: NAMING }) }
  const request = { operation: 'events', method: 'GET', path: '/events', query } as const
  using body = await client.stream(request, client.deadlines.inspectMs, signal)
  yield { kind: 'listening' }
  for await (const _event of jsonLines(body)) yield { kind: 'names_changed' }
}
