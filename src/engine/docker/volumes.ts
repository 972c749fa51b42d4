import type { Log } from '../../core/log.ts'
import { readJson } from './answers/read-answer.ts'
import { volumeRows } from './answers/volumes.ts'
import type { DockerClient } from './client.ts'
import { INSTALLATION_LABEL } from './own-network.ts'

/**
 * Removes the socket folders of containers that are gone: whoever removes a container by hand leaves its volume behind,
 * as may an Engine that was killed meanwhile. One that a container uses is never among them. Never rejects: what is left
 * is found the next time.
 */
export async function removeUnusedVolumes(
  client: DockerClient,
  installation: string,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const filters = { label: [`${INSTALLATION_LABEL}=${installation}`], dangling: ['true'] }
  const query = { filters: JSON.stringify(filters) }
  try {
    const reply = await client.look({ operation: 'list', method: 'GET', path: '/volumes', query }, signal)
    const names = (readJson(volumeRows, reply.body).Volumes ?? []).map(({ Name }) => Name)
    await Promise.all(names.map((name) => removeVolume(client, name, signal)))
  } catch (error) {
    if (!signal.aborted) log.debug({ err: error }, 'unused volumes could not be removed')
  }
}

/** 404 and 409: somebody else was faster, or has taken it. */
async function removeVolume(client: DockerClient, name: string, signal: AbortSignal): Promise<void> {
  const path = `/volumes/${encodeURIComponent(name)}`
  await client.change({ operation: 'remove', method: 'DELETE', path, accept: [404, 409] }, signal)
}
