import { posix } from 'node:path'
import { z } from 'zod'
import { ErrandError } from '../../core/errors.ts'
import { labels } from './answers/labels.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'

/** What the Engine would give every container of an image because the image says so. */
export interface ImageConfig {
  /** Absolute paths at which it would put volumes on the host's disk, without limits. */
  readonly volumes: readonly string[]
  /** Names of the labels that it would copy. */
  readonly labels: readonly string[]
  /** Names of its environment variables. */
  readonly variables: readonly string[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
}

const strings: z.ZodType<readonly string[]> = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? [])

interface ImageConfigAnswer {
  readonly Config: {
    readonly Volumes: Record<string, unknown>
    readonly Labels: Record<string, string>
    readonly Env: readonly string[]
    readonly Entrypoint: readonly string[]
    readonly Cmd: readonly string[]
  }
}

const NO_CONFIG: ImageConfigAnswer['Config'] = { Volumes: {}, Labels: {}, Env: [], Entrypoint: [], Cmd: [] }

const imageConfigAnswer: z.ZodType<ImageConfigAnswer> = z.object({
  Config: z
    .object({
      Volumes: z
        .record(z.string(), z.unknown())
        .nullish()
        .transform((value) => value ?? {}),
      Labels: labels,
      Env: strings,
      Entrypoint: strings,
      Cmd: strings,
    })
    .nullish()
    .transform((config) => config ?? NO_CONFIG),
})

/** Each is a mount to make and to take away again. */
const MOST_VOLUMES = 16
/** The root itself, and what is the kernel's own. */
const RESERVED = /^\/(?:$|(?:proc|sys|dev)(?:\/|$))/

/** So many images' declarations are remembered. */
const MOST_KNOWN = 256

/** What images declare, asked for once each: an image's id is the hash of its declarations, so they never change. */
export class ImageConfigs {
  readonly #client: DockerClient
  /** By image id, oldest first. */
  readonly #known = new Map<string, ImageConfig>()

  constructor(client: DockerClient) {
    this.#client = client
  }

  /**
   * One that is known may be gone meanwhile: then the Engine refuses to make a container of it.
   * @throws image_not_found; image_invalid for declarations that no container can have here
   */
  async read(imageId: string, signal: AbortSignal): Promise<ImageConfig> {
    return this.#known.get(imageId) ?? this.#remember(imageId, await this.#ask(imageId, signal))
  }

  #remember(imageId: string, config: ImageConfig): ImageConfig {
    this.#known.set(imageId, config)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return config
  }

  async #ask(imageId: string, signal: AbortSignal): Promise<ImageConfig> {
    const path = `/images/${imageId}/json`
    const reply = await this.#client.look({ operation: 'find', method: 'GET', path, accept: [404] }, signal)
    if (reply.status === 404) throw new ErrandError('image_not_found', `the image ${imageId} is gone`)
    const { Volumes, Labels, Env, Entrypoint, Cmd } = readJson(imageConfigAnswer, reply.body).Config
    return {
      volumes: checkedVolumes(Object.keys(Volumes)),
      labels: Object.keys(Labels),
      variables: Env.map((variable) => variable.replace(/=.*$/s, '')),
      entrypoint: Entrypoint,
      cmd: Cmd,
    }
  }
}

function checkedVolumes(declared: readonly string[]): string[] {
  const volumes = new Set(declared.map((path) => normalized(path)))
  if (volumes.size > MOST_VOLUMES) {
    throw new ErrandError(
      'image_invalid',
      `the image declares ${volumes.size} volumes; at most ${MOST_VOLUMES} are made`,
    )
  }
  const unfit = [...volumes].find((path) => !path.startsWith('/') || RESERVED.test(path))
  if (unfit === undefined) return [...volumes]
  throw new ErrandError('image_invalid', `the image declares a volume where none can be: ${JSON.stringify(unfit)}`)
}

/** As the Engine will write it. */
function normalized(path: string): string {
  const clean = posix.normalize(path)
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}
