import { z } from 'zod'
import { ErrandError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import type { EngineSurvey } from '../engine-survey.ts'
import { infoAnswer } from './answers/host.ts'
import { readJson } from './answers/read-answer.ts'
import { DockerClient, type DockerRequest } from './client.ts'
import { MountView } from './mount-view.ts'
import { findNamedNetwork } from './network.ts'
import { findNetwork } from './own-network.ts'
import { askProbe } from './probe.ts'

const versions = z.object({ ApiVersion: z.string() })

const details = z.object({
  CgroupVersion: z.string().optional(),
  LoggingDriver: z.string(),
  SecurityOptions: z.array(z.string()).nullish(),
  Plugins: z.object({ Authorization: z.array(z.string()).nullish() }),
})

/**
 * Asks a Docker Engine about itself, and changes nothing there.
 * @throws engine_unavailable when none answers, or only one that is too old
 */
export async function surveyDocker(socketPath: string, signal: AbortSignal, network?: string): Promise<EngineSurvey> {
  await using client = await DockerClient.open({ socketPath }, signal)
  using view = await MountView.open()
  const look = (path: string): Promise<{ readonly body: string }> =>
    client.look({ operation: 'probe', method: 'GET', path } satisfies DockerRequest, signal)
  const [probe, version, info, bridge, refusal] = await Promise.all([
    askProbe({ client, installation: randomId(), view, stateFolder: undefined }, new Set(), signal),
    look('/version').then(({ body }) => readJson(versions, body)),
    look('/info').then(({ body }) => ({ ...readJson(infoAnswer, body), ...readJson(details, body) })),
    findNetwork(client, 'bridge', signal),
    network === undefined ? undefined : refusalOf(client, network, signal),
  ])
  return {
    ...(network !== undefined && { namedNetwork: { name: network, refusal } }),
    probe,
    apiVersion: version.ApiVersion,
    components: probe.components ?? new Map(),
    cgroup: { version: info.CgroupVersion ?? '1', driver: info.CgroupDriver },
    storage: { driver: info.Driver, fileSystem: statusOf(info.DriverStatus, 'Backing Filesystem') },
    logDriver: info.LoggingDriver,
    hasSeccomp: (info.SecurityOptions ?? []).some((option) => /^(name=)?seccomp/.test(option)),
    authorizationPlugins: info.Plugins.Authorization ?? [],
    joinsNeighbours: bridge && bridge.Options['com.docker.network.bridge.enable_icc'] !== 'false',
    runtimePaths: new Map(
      [...probe.runtimes].flatMap(([name, { program }]) => (program === undefined ? [] : [[name, program]])),
    ),
  }
}

async function refusalOf(client: DockerClient, network: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await findNamedNetwork(client, network, signal)
    return undefined
  } catch (error) {
    if (error instanceof ErrandError && error.code === 'network_unavailable') return error.message
    throw error
  }
}

function statusOf(rows: readonly (readonly string[])[], name: string): string | undefined {
  return rows.find(([key]) => key === name)?.[1]
}
