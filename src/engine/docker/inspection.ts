import type { SandboxView } from '../engine.ts'
import { containerAnswer } from './answers/containers.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'
import { toView } from './view.ts'

/** What the container of that name is now; undefined when there is none. */
export async function inspectContainer(
  client: DockerClient,
  name: string,
  signal: AbortSignal,
): Promise<SandboxView | undefined> {
  const path = containerPath(name, '/json')
  const reply = await client.look({ operation: 'inspect', method: 'GET', path, accept: [404] }, signal)
  return reply.status === 404 ? undefined : toView(readJson(containerAnswer, reply.body))
}
