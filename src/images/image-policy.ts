import { isIP } from 'node:net'
import { ErrandError } from '../core/errors.ts'
import { fullName, type ImageReference, type NamedReference, registryOf } from '../core/image-reference.ts'
import { abortable } from '../util/abort.ts'
import { isPublicAddress } from '../util/public-address.ts'
import { imageGlob } from './image-glob.ts'

export interface ImagePolicyOptions {
  /** Globs over full names; an image that none of them names is refused. */
  readonly allow: readonly string[]
  /** Registries, as `HOST:PORT` or as `HOST` for all its ports, that may be asked although their address is private. */
  readonly privateRegistries: readonly string[]
  /** The addresses of a host name; none when it has none or cannot be resolved. */
  readonly resolve: (host: string) => Promise<readonly string[]>
}

/** Never worth a look-up: the Engine knows its hosts by itself. */
const DOCKER_HUB = 'docker.io'

/** Which images callers may name, and which registries may be asked for them. */
export class ImagePolicy {
  readonly #options: ImagePolicyOptions
  readonly #allow: readonly ((name: string) => boolean)[]

  constructor(options: ImagePolicyOptions) {
    this.#options = options
    this.#allow = options.allow.map(imageGlob)
  }

  /** @throws forbidden */
  assertAllowed(reference: ImageReference): void {
    const name = fullName(reference)
    if (this.#allow.some((matches) => matches(name))) return
    throw new ErrandError('forbidden', `this node does not run ${name}: images.allow does not name it`, {
      details: { image: name },
    })
  }

  /**
   * Keeps callers from having the engine knock at doors inside: the registry is part of an image's name, so that the
   * caller chooses it. What the engine resolves a moment later may differ; redirects are the engine's affair.
   * @throws forbidden
   */
  async assertReachable(reference: NamedReference, signal: AbortSignal): Promise<void> {
    const registry = registryOf(reference)
    if (registry === DOCKER_HUB || this.#isListed(registry)) return
    const host = hostOf(registry)
    const addresses = isIP(host) === 0 ? await abortable(this.#options.resolve(host), signal) : [host]
    if (addresses.every(isPublicAddress)) return
    throw new ErrandError(
      'forbidden',
      `the registry ${registry} has a private address: an operator can list it in images.privateRegistries`,
      { details: { registry } },
    )
  }

  #isListed(registry: string): boolean {
    const { allow, privateRegistries } = this.#options
    const isNamed = privateRegistries.some((listed) => listed === registry || listed === hostOf(registry))
    return isNamed || allow.some((glob) => glob.toLowerCase().startsWith(`${registry}/`))
  }
}

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, '')
}
