import { ErrandError } from '../../core/errors.ts'
import type { SandboxRef } from '../engine.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'

/** Ends and removes a container with its volumes. Gives false when somebody else removed it: its volumes may be left. */
export async function removeContainer(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<boolean> {
  // A frozen process cannot die. One that is not frozen, or not there, is refused: the removal will tell.
  const thaw = { operation: 'resume', method: 'POST', path: containerPath(ref.id, '/unpause') } as const
  await client.change({ ...thaw, accept: [404, 409, 500] }, signal)
  const query = { force: '1', v: '1' }
  const path = containerPath(ref.id)
  const reply = await client.change({ operation: 'remove', method: 'DELETE', path, query, accept: [404, 409] }, signal)
  if (reply.status === 409) await untilRemoved(client, ref, signal)
  return reply.status < 400
}

/** Somebody else's removal is under way: ours is done when theirs is. */
async function untilRemoved(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<void> {
  const query = { condition: 'removed' }
  const wait = { operation: 'remove', method: 'POST', path: containerPath(ref.id, '/wait'), query } as const
  await client.change({ ...wait, accept: [404], isLong: true }, signal)
  const path = containerPath(ref.id, '/json')
  const reply = await client.look({ operation: 'inspect', method: 'GET', path, accept: [404] }, signal)
  if (reply.status !== 404) throw new ErrandError('internal', `the Docker Engine could not remove ${ref.name}`)
}
