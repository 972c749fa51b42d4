import type { SandboxRef } from '../engine.ts'
import { containerAnswer } from './answers/containers.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'

/** Freezes a container. One that is frozen stays so. */
export function freeze(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<void> {
  return bring(client, ref, { operation: 'pause', action: '/pause', status: 'paused' }, signal)
}

/** Thaws a container. One that runs goes on. */
export function thaw(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<void> {
  return bring(client, ref, { operation: 'resume', action: '/unpause', status: 'running' }, signal)
}

interface Change {
  readonly operation: 'pause' | 'resume'
  readonly action: string
  /** As the Engine calls it. */
  readonly status: 'paused' | 'running'
}

/** What is done already, by a call of ours whose answer was lost or by somebody else, is an error to the Engine. */
async function bring(
  client: DockerClient,
  ref: SandboxRef,
  { operation, action, status }: Change,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.change({ operation, method: 'POST', path: containerPath(ref.id, action) }, signal)
  } catch (error) {
    if ((await statusOf(client, ref, signal).catch(() => undefined)) !== status) throw error
  }
}

async function statusOf(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<string> {
  const path = containerPath(ref.id, '/json')
  const reply = await client.look({ operation: 'inspect', method: 'GET', path }, signal)
  return readJson(containerAnswer, reply.body).State.Status
}
