import type { EngineEvent } from '../engine.ts'
import { type EventLine, eventLine } from './answers/events.ts'
import { readAnswer } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { jsonLines } from './json-lines.ts'

const MS_PER_SECOND = 1000

/** What happens to containers with this label, from `sinceMs` (wall time) on. */
export async function* containerEvents(
  client: DockerClient,
  filter: { readonly label: string; readonly value: string; readonly sinceMs: number },
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  const filters = { type: ['container'], event: ['kill', 'die', 'destroy'], label: [`${filter.label}=${filter.value}`] }
  // The Engine sends its headers a moment before it listens. `since` has it repeat what happened in between.
  const since = (filter.sinceMs / MS_PER_SECOND).toFixed(3)
  const query = { since, filters: JSON.stringify(filters) }
  const request = { operation: 'events', method: 'GET', path: '/events', query } as const
  using body = await client.stream(request, client.deadlines.inspectMs, signal)
  yield { kind: 'listening' }
  for await (const answer of jsonLines(body)) {
    const event = toEvent(readAnswer(eventLine, answer))
    if (event !== undefined) yield event
  }
}

function toEvent({ Action, Actor }: EventLine): EngineEvent | undefined {
  if (Action === 'kill') return { kind: 'signalled', id: Actor.ID, signal: Number(Actor.Attributes.signal) }
  if (Action === 'die') return { kind: 'exited', id: Actor.ID, exitCode: Number(Actor.Attributes.exitCode) }
  if (Action === 'destroy') return { kind: 'removed', id: Actor.ID }
  return undefined
}
