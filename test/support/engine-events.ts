import { docker } from './daemon.ts'

export interface ContainerEvent {
  readonly action: string
  readonly container: string
  /** Milliseconds since the Unix epoch, by the engine. */
  readonly atMs: number
}

/** What happened to the containers of an installation since `sinceMs`, by the engine's own account, oldest first. */
export async function containerEvents(installation: string, sinceMs: number): Promise<ContainerEvent[]> {
  const span = ['--since', (sinceMs / 1000).toFixed(3), '--until', (Date.now() / 1000).toFixed(3)]
  const filters = ['--filter', 'type=container', '--filter', `label=dev.errand.installation=${installation}`]
  const text = await docker('events', ...span, ...filters, '--format', '{{json .}}')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => toEvent(JSON.parse(line)))
}

function toEvent(event: { Action: string; timeNano: number; Actor: { Attributes: { name: string } } }): ContainerEvent {
  return { action: event.Action, container: event.Actor.Attributes.name, atMs: event.timeNano / 1e6 }
}
