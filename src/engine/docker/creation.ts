import { ErrandError } from '../../core/errors.ts'
import type { SandboxIdentity, SandboxRef, SandboxSpec } from '../engine.ts'
import { created } from './answers/containers.ts'
import { readJson } from './answers/read-answer.ts'
import type { Bills } from './bills.ts'
import type { DockerClient } from './client.ts'
import type { ImageConfigs } from './image-config.ts'
import { inspectContainer } from './inspection.ts'
import type { SandboxNetworks } from './network.ts'
import { createBody } from './payload.ts'

interface CreationDeps {
  readonly client: DockerClient
  readonly imageConfigs: ImageConfigs
  readonly networks: SandboxNetworks
  readonly bills: Bills
}

/** Makes the container of a sandbox, with what its image says of it, its network and the cgroup that bills it. */
export async function createContainer(
  { client, imageConfigs, networks, bills }: CreationDeps,
  spec: SandboxSpec,
  identity: SandboxIdentity,
  signal: AbortSignal,
): Promise<SandboxRef> {
  const { name } = identity
  const [image, network] = await Promise.all([imageConfigs.read(spec.imageId, signal), networks.ensure(spec, signal)])
  const cgroupParent = await bills.parentOf(spec, name, signal)
  const body = createBody(spec, identity, network, image, cgroupParent)
  const path = '/containers/create'
  const request = { operation: 'create', method: 'POST', path, query: { name }, body, accept: [409] } as const
  const reply = await client.change(request, signal)
  if (reply.status === 409) return existing(client, identity, signal)
  return { name, id: readJson(created, reply.body).Id }
}

/** The name is taken: by ourselves, in a call whose answer was lost, or by something else. */
async function existing(client: DockerClient, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
  const view = await inspectContainer(client, identity.name, signal)
  const isSame = Object.entries(identity.labels).every(([label, value]) => view?.labels[label] === value)
  if (view !== undefined && isSame) return { name: identity.name, id: view.id }
  throw new ErrandError('already_exists', `the name ${identity.name} belongs to another container`)
}
