import { z } from 'zod'
import { folderUsage } from '../../util/folder-usage.ts'
import type { DiskUsage, SandboxRef } from '../engine.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'
import { heldUsage } from './held-usage.ts'

interface StorageAnswer {
  readonly State: { readonly Pid: number }
  /** Where the storage driver keeps what the container wrote, when it is one that says so. */
  readonly GraphDriver?: { readonly Data?: Readonly<Record<string, string>> | null | undefined } | null | undefined
}

const storageAnswer: z.ZodType<StorageAnswer> = z.object({
  State: z.object({ Pid: z.number() }),
  GraphDriver: z.object({ Data: z.record(z.string(), z.string()).nullish() }).nullish(),
})

const NOTHING: DiskUsage = { bytes: 0, inodes: 0 }

const sizeAnswer: z.ZodType<{ readonly SizeRw?: number | null | undefined }> = z.object({
  SizeRw: z.number().nullish(),
})

/**
 * What a container has written, as the port says: by a walk of our own over its upper folder where this process can read
 * that, since it stops early and counts files, with what is deleted but still open; else as the Engine tells.
 */
export async function diskUsage(
  client: DockerClient,
  ref: SandboxRef,
  limit: DiskUsage,
  signal: AbortSignal,
): Promise<DiskUsage | undefined> {
  const path = containerPath(ref.id, '/json')
  const reply = await client.look({ operation: 'inspect', method: 'GET', path, accept: [404] }, signal)
  if (reply.status === 404) return undefined
  const { State, GraphDriver } = readJson(storageAnswer, reply.body)
  const upper = GraphDriver?.Data?.UpperDir
  if (upper === undefined) return sizeOf(client, ref, signal)
  // In this order: what is deleted in between is missed once, rather than counted twice.
  const held = State.Pid > 0 ? await heldUsage({ id: ref.id, pid: State.Pid }, limit, signal) : NOTHING
  const rest = { bytes: limit.bytes - held.bytes, inodes: limit.inodes - held.inodes }
  if (rest.bytes < 0 || rest.inodes < 0) return held
  const walked = await tryFolderUsage(upper, rest, signal)
  if (walked === undefined) return sizeOf(client, ref, signal)
  return { bytes: held.bytes + walked.bytes, inodes: held.inodes + walked.inodes }
}

async function tryFolderUsage(folder: string, limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined> {
  try {
    return await folderUsage(folder, limit, signal)
  } catch {
    // Not root, or the Engine keeps its files where this process does not see them.
    signal.throwIfAborted()
    return undefined
  }
}

/** The Engine walks over all of it: as slow as calls that change something. */
async function sizeOf(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<DiskUsage | undefined> {
  const path = containerPath(ref.id, '/json')
  const query = { size: '1' }
  const request = { operation: 'inspect', method: 'GET', path, query, accept: [404], isLong: true } as const
  const reply = await client.change(request, signal)
  const bytes = reply.status === 404 ? undefined : readJson(sizeAnswer, reply.body).SizeRw
  return typeof bytes === 'number' ? { bytes, inodes: 0 } : undefined
}
