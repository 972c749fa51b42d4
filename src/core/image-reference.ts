import { ErrandError } from './errors.ts'

/** A parsed image reference, in the form registries and the Docker Engine write it. */
export type ImageReference =
  | { readonly kind: 'id'; readonly id: string }
  | {
      readonly kind: 'name'
      readonly repository: string
      readonly tag: string | undefined
      readonly digest: string | undefined
    }

const MAX_LENGTH = 512
const IMAGE_ID = /^(?:sha256:)?([0-9a-f]{64})$/
/** Short ids are looked up as names first by the Engine too; only prefixed ones are ids for certain. */
const SHORT_ID = /^sha256:([0-9a-f]{12,63})$/
const DIGEST = /^sha256:[0-9a-f]{64}$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/
const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?::[0-9]{1,5})?$/
const PATH_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-{1,8})[a-z0-9]+)*$/

/**
 * Reads an image reference (`name`, `host:port/path/name:tag`, `name@sha256:...`) or image id (`sha256:...`, 64 hex digits).
 * @throws validation_failed for anything else, before any engine or registry sees it
 */
export function parseImageReference(text: string): ImageReference {
  const reference = text.length <= MAX_LENGTH ? parse(text) : undefined
  if (reference === undefined) {
    const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text
    throw new ErrandError('validation_failed', `not an image reference: ${JSON.stringify(shown)}`)
  }
  return reference
}

function parse(text: string): ImageReference | undefined {
  const id = IMAGE_ID.exec(text) ?? SHORT_ID.exec(text)
  if (id?.[1] !== undefined) return { kind: 'id', id: `sha256:${id[1]}` }

  const [named, digest, ...more] = text.split('@')
  if (named === undefined || more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return undefined
  const colon = named.lastIndexOf(':')
  const hasTag = colon > named.lastIndexOf('/')
  const repository = hasTag ? named.slice(0, colon) : named
  const tag = hasTag ? named.slice(colon + 1) : undefined
  if ((tag !== undefined && !TAG.test(tag)) || !isRepository(repository)) return undefined
  return { kind: 'name', repository, tag, digest }
}

function isRepository(text: string): boolean {
  const parts = text.split('/')
  const first = parts[0] ?? ''
  const hasHost = parts.length > 1 && namesHost(first)
  if (hasHost && !HOST.test(first)) return false
  return (hasHost ? parts.slice(1) : parts).every((part) => PATH_COMPONENT.test(part))
}

/** The reference as the Engine wants it, with the tag `latest` where nothing else was said. */
export function formatImageReference(reference: ImageReference): string {
  if (reference.kind === 'id') return reference.id
  const { repository, tag, digest } = reference
  if (digest !== undefined) return `${repository}@${digest}`
  return `${repository}:${tag ?? 'latest'}`
}

/** Where references without a registry of their own come from. */
const DOCKER_HUB = 'docker.io'
/** What the Engine calls it too. */
const HUB_ALIASES: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io'])

export type NamedReference = Extract<ImageReference, { kind: 'name' }>

/** The registry that a name belongs to: `HOST` or `HOST:PORT`, in lower case; `docker.io` where none is said. */
export function registryOf(reference: NamedReference): string {
  return splitRepository(reference.repository).registry
}

/** The repository with its registry: `docker.io/library/alpine` for `alpine`. */
export function fullRepository(reference: NamedReference): string {
  const { registry, path } = splitRepository(reference.repository)
  const isShort = registry === DOCKER_HUB && !path.includes('/')
  return `${registry}/${isShort ? 'library/' : ''}${path}`
}

/** The one name that all ways of writing a reference share: `docker.io/library/alpine:latest`; of an id, the id. */
export function fullName(reference: ImageReference): string {
  if (reference.kind === 'id') return reference.id
  return formatImageReference({ ...reference, repository: fullRepository(reference) })
}

function splitRepository(repository: string): { registry: string; path: string } {
  const slash = repository.indexOf('/')
  const first = repository.slice(0, Math.max(slash, 0))
  if (!namesHost(first)) return { registry: DOCKER_HUB, path: repository }
  const host = first.toLowerCase()
  return { registry: HUB_ALIASES.has(host) ? DOCKER_HUB : host, path: repository.slice(slash + 1) }
}

/** Whether what stands before the first slash is a registry, by the Engine's own rule. */
function namesHost(first: string): boolean {
  return first.includes('.') || first.includes(':') || first === 'localhost'
}
