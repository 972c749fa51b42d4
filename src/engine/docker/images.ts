import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { formatImageReference, fullName, type ImageReference, registryOf } from '../../core/image-reference.ts'
import type { EngineImages, Image, ImageEvent, ImageRemoval, PullOptions, PullProgress } from '../engine.ts'
import { versionAnswer } from './answers/host.ts'
import { type ImageAnswer, imageAnswer, imageRows, type PullLine, pullLine } from './answers/images.ts'
import { readAnswer, readJson } from './answers/read-answer.ts'
import type { DockerClient, DockerRequest } from './client.ts'
import { engineError } from './errors.ts'
import { imageEvents } from './image-events.ts'
import { toImage } from './image-view.ts'
import { jsonLines } from './json-lines.ts'
import { withoutCredentials } from './redaction.ts'
import { registryAuth } from './registry-auth.ts'

/** The Engine answers 200 before it knows how a pull ends; the failure comes in the stream. */
const STREAMED_FAILURE_STATUS = 500

/** The images of a Docker Engine. */
export class DockerImages implements EngineImages {
  readonly #client: DockerClient
  readonly #clock: Clock

  constructor(client: DockerClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  async find(reference: ImageReference, signal: AbortSignal): Promise<Image | undefined> {
    const answer = await this.#inspect(reference, signal)
    return answer === undefined ? undefined : toImage(answer)
  }

  async list(signal: AbortSignal): Promise<Image[]> {
    const query = { digests: '1' }
    const reply = await this.#client.look({ operation: 'list', method: 'GET', path: '/images/json', query }, signal)
    return readJson(imageRows, reply.body).map(toImage)
  }

  async pull(reference: ImageReference, options: PullOptions, signal: AbortSignal): Promise<Image> {
    try {
      return await this.#pull(reference, options, signal)
    } catch (error) {
      if (signal.aborted) throw error
      throw withoutCredentials(error, options.credentials)
    }
  }

  async remove(reference: ImageReference, signal: AbortSignal): Promise<ImageRemoval> {
    const path = `/images/${formatImageReference(reference)}`
    // Parents without a name are layers of somebody's builds: not ours to tidy.
    const query = { noprune: '1' }
    const request = { operation: 'remove', method: 'DELETE', path, query, accept: [404, 409] } as const
    const { status } = await this.#client.change(request, signal)
    if (status === 404) return 'absent'
    return status === 409 ? 'in_use' : 'removed'
  }

  events(signal: AbortSignal): AsyncGenerator<ImageEvent> {
    return imageEvents(this.#client, this.#clock.wallMs(), signal)
  }

  async #pull(reference: ImageReference, options: PullOptions, signal: AbortSignal): Promise<Image> {
    const name = formatImageReference(reference)
    // How long a pull may take is its caller's affair: a silent registry alone keeps the Engine waiting for 25 s.
    using body = await this.#client.stream(pullRequest(reference, options), undefined, signal)
    for await (const answer of jsonLines(body)) options.onProgress(toProgress(readAnswer(pullLine, answer)))
    const answer = await this.#inspect(reference, signal)
    if (answer === undefined) throw new ErrandError('image_not_found', `${name} was pulled, and is gone again`)
    await this.#assertPlatform(reference, answer, signal)
    return toImage(answer)
  }

  async #inspect(reference: ImageReference, signal: AbortSignal): Promise<ImageAnswer | undefined> {
    const path = `/images/${formatImageReference(reference)}/json`
    const reply = await this.#client.look({ operation: 'find', method: 'GET', path, accept: [404] }, signal)
    return reply.status === 404 ? undefined : readJson(imageAnswer, reply.body)
  }

  /** Engine 20.10 takes an image that is for another processor only, and would fail to run it. */
  async #assertPlatform(reference: ImageReference, image: ImageAnswer, signal: AbortSignal): Promise<void> {
    const reply = await this.#client.look({ operation: 'probe', method: 'GET', path: '/version' }, signal)
    const { Os, Arch } = readJson(versionAnswer, reply.body)
    if (isSame(image.Os, Os) && isSame(image.Architecture, Arch)) return
    await this.remove(reference, signal)
    const platform = `${image.Os}/${image.Architecture}`
    throw new ErrandError('image_invalid', `${fullName(reference)} is for ${platform}, and this host is ${Os}/${Arch}`)
  }
}

/** What is not said is not wrong. */
function isSame(a: string | undefined, b: string | undefined): boolean {
  return (a ?? '') === '' || (b ?? '') === '' || a === b
}

function pullRequest(reference: ImageReference, { credentials }: PullOptions): DockerRequest {
  if (reference.kind === 'id') {
    throw new ErrandError('image_not_found', `no registry knows an image by its id: ${reference.id}`)
  }
  const query = { fromImage: reference.repository, tag: reference.digest ?? reference.tag ?? 'latest' }
  const request = { operation: 'pull', method: 'POST', path: '/images/create', query } as const
  if (credentials === undefined || credentials.registry !== registryOf(reference)) return request
  return { ...request, headers: { 'x-registry-auth': registryAuth(credentials) } }
}

/** @throws what the line says went wrong */
function toProgress(line: PullLine): PullProgress {
  if (line.error !== undefined) throw engineError('pull', STREAMED_FAILURE_STATUS, line.error)
  const { current, total } = line.progressDetail ?? {}
  return {
    status: line.status ?? '',
    ...(line.id === undefined ? {} : { layer: line.id }),
    ...(current === undefined ? {} : { currentBytes: current }),
    ...(total === undefined ? {} : { totalBytes: total }),
  }
}
