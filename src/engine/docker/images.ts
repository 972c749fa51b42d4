import { ErrandError } from '../../core/errors.ts'
import { formatImageReference, type ImageReference } from '../../core/image-reference.ts'
import type { EngineImages, Image, PullProgress } from '../engine.ts'
import type { DockerClient } from './client.ts'
import { engineError } from './errors.ts'
import { jsonLines } from './json-lines.ts'
import { created, type PullLine, pullLine, readAnswer, readJson } from './schemas.ts'

/** The Engine answers 200 before it knows how a pull ends; the failure comes in the stream. */
const STREAMED_FAILURE_STATUS = 500

/** The images of a Docker Engine. */
export class DockerImages implements EngineImages {
  readonly #client: DockerClient

  constructor(client: DockerClient) {
    this.#client = client
  }

  async find(reference: ImageReference, signal: AbortSignal): Promise<Image | undefined> {
    const path = `/images/${formatImageReference(reference)}/json`
    const reply = await this.#client.look({ operation: 'find', method: 'GET', path, accept: [404] }, signal)
    return reply.status === 404 ? undefined : { id: readJson(created, reply.body).Id }
  }

  async pull(
    reference: ImageReference,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<Image> {
    const name = formatImageReference(reference)
    if (reference.kind === 'id')
      throw new ErrandError('image_not_found', `no registry knows an image by its id: ${name}`)
    const query = { fromImage: reference.repository, tag: reference.digest ?? reference.tag ?? 'latest' }
    const request = { operation: 'pull', method: 'POST', path: '/images/create', query } as const
    // How long a pull may take is its caller's affair: a silent registry alone keeps the Engine waiting for 25 s.
    using body = await this.#client.stream(request, undefined, signal)
    for await (const answer of jsonLines(body)) report(readAnswer(pullLine, answer), onProgress)
    const image = await this.find(reference, signal)
    if (image === undefined) throw new ErrandError('image_not_found', `${name} was pulled, and is gone again`)
    return image
  }
}

/** @throws what the line says went wrong */
function report(line: PullLine, onProgress: (progress: PullProgress) => void): void {
  if (line.error !== undefined) throw engineError('pull', STREAMED_FAILURE_STATUS, line.error)
  const { current, total } = line.progressDetail ?? {}
  onProgress({
    status: line.status ?? '',
    ...(current === undefined ? {} : { currentBytes: current }),
    ...(total === undefined ? {} : { totalBytes: total }),
  })
}
