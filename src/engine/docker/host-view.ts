import { constants } from 'node:fs'
import { access, mkdtemp, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { created } from './answers/containers.ts'
import { readJson } from './answers/read-answer.ts'
import { madeVolume } from './answers/volumes.ts'
import type { DockerClient } from './client.ts'
import { mountOf } from './mount-table.ts'
import type { MountView } from './mount-view.ts'
import { INSTALLATION_LABEL } from './own-network.ts'

/** Which files of the Engine's host this process sees, and the other way round. */
export interface HostView {
  /** This process can open what is in the Engine's volumes, memory that is mounted there later included. */
  readonly seesVolumes: boolean
  readonly view: Pick<MountView, 'isShared' | 'engineRoot'>
  /** The Engine finds our state folder under its path here. */
  readonly findsOwnFiles: boolean
  /** `/proc/self/mountinfo`; empty where that says nothing of the Engine's host. */
  readonly mountTable: string
}

export interface HostViewDeps {
  readonly client: DockerClient
  readonly installation: string
  readonly view: MountView
  /** Where what is to be mounted lies; undefined where nothing is, and the Engine is only looked at. */
  readonly stateFolder: string | undefined
}

/**
 * Where both see the same mounts, that is the answer. Otherwise the Engine is asked: a folder of its path may be there on
 * both sides and be another one.
 */
export async function lookAtHost(deps: HostViewDeps, dockerRootDir: string, signal: AbortSignal): Promise<HostView> {
  const { view } = deps
  const isSame = view.isShared === true
  const table = await readFile('/proc/self/mountinfo', 'utf8')
  const opensVolumes = process.getuid?.() === 0 && (await canOpen(join(dockerRootDir, 'volumes')))
  const isJoined = mountOf(dockerRootDir, table)?.isJoined ?? false
  const seesVolumes = opensVolumes && (isSame || (isJoined && (await seesNewVolume(deps, signal))))
  return {
    seesVolumes,
    view,
    findsOwnFiles: isSame || (await findsFolder(deps, signal)),
    mountTable: seesVolumes ? table : '',
  }
}

/** By one that is made for it. */
async function seesNewVolume(deps: HostViewDeps, signal: AbortSignal): Promise<boolean> {
  const { client, installation, stateFolder } = deps
  if (stateFolder === undefined) return true
  const body = { Labels: { [INSTALLATION_LABEL]: installation } }
  const made = await client.change({ operation: 'probe', method: 'POST', path: '/volumes/create', body }, signal)
  const { Name, Mountpoint } = readJson(madeVolume, made.body)
  const isSeen = await canOpen(Mountpoint)
  await client.change({ operation: 'probe', method: 'DELETE', path: `/volumes/${Name}`, accept: [404] }, signal)
  return isSeen
}

/**
 * The Engine checks what a container shall mount before it looks for the image, so that asking for an image that is not
 * there makes nothing. The question about a folder that is not there shows that this holds: another Engine might not.
 */
async function findsFolder({ client, stateFolder }: HostViewDeps, signal: AbortSignal): Promise<boolean> {
  if (stateFolder === undefined) return true
  const sign = await mkdtemp(join(stateFolder, '.seen-'))
  try {
    const accepts = (source: string): Promise<boolean> => acceptsMount(client, source, signal)
    return (await accepts(sign)) && !(await accepts(`${sign}-not`))
  } finally {
    await rmdir(sign)
  }
}

async function acceptsMount(client: DockerClient, source: string, signal: AbortSignal): Promise<boolean> {
  const mount = { Type: 'bind', Source: source, Target: '/seen', ReadOnly: true }
  const body = { Image: `errand-${randomId()}:none`, HostConfig: { Mounts: [mount] } }
  const request = { operation: 'probe', method: 'POST', path: '/containers/create', body, accept: [400, 404] } as const
  const { status, body: text } = await client.change(request, signal)
  if (status >= 400) return status === 404
  // Some image has that name after all.
  const path = `/containers/${readJson(created, text).Id}`
  await client.change({ operation: 'probe', method: 'DELETE', path, accept: [404] }, signal)
  return true
}

async function canOpen(folder: string): Promise<boolean> {
  return access(folder, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}
