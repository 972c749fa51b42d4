import type { ImageReference } from '../core/image-reference.ts'

export interface EngineImages {
  /** The image if it is on this host; never asks a registry. */
  find(reference: ImageReference, signal: AbortSignal): Promise<Image | undefined>
  /** Every image on this host, nameless ones included. */
  list(signal: AbortSignal): Promise<Image[]>
  /**
   * Fetches from the registry. An abort drops the request; the engine may go on with layers that it has begun.
   * @throws image_not_found; image_auth; image_invalid, also for an image of another platform; storage_full;
   * registry_unavailable with `retryAfterMs`, and `details.registryStatus` 429 where the registry limits our rate
   */
  pull(reference: ImageReference, options: PullOptions, signal: AbortSignal): Promise<Image>
  /**
   * Takes one name off an image, and removes the image with its last name; an id stands for all names of an image of
   * one repository. Never forces: what a sandbox uses, even one that does not run, stays as it is.
   */
  remove(reference: ImageReference, signal: AbortSignal): Promise<ImageRemoval>
  /** Tells when names may have come to mean other images. The first event is always `listening`, as for sandboxes. */
  events(signal: AbortSignal): AsyncIterable<ImageEvent>
}

export interface Image {
  /** Content address of the image on this host: `sha256:` and 64 hex digits. */
  readonly id: string
  /** Its names, whoever gave them, as `fullName` writes them. */
  readonly tags: readonly string[]
  /** What registries call it: `REPOSITORY@sha256:...`, as `fullName` writes them. Empty for images made on this host. */
  readonly digests: readonly string[]
  /** Unpacked, layers that it shares with others included. */
  readonly sizeBytes: number
  /** When it was built, in wall time, where that is known. */
  readonly createdMs: number | undefined
}

export interface PullOptions {
  /** Sent to their own registry alone. Leave out for an anonymous pull. */
  readonly credentials?: RegistryCredentials
  readonly onProgress: (progress: PullProgress) => void
}

/** What one registry, and no other, may get to see. */
export interface RegistryCredentials {
  /** As `registryOf` names it. */
  readonly registry: string
  readonly kind: 'password' | 'identityToken'
  readonly username: string
  readonly secret: string
}

export interface PullProgress {
  readonly status: string
  /** What the step is about, where it is one of several. */
  readonly layer?: string
  /** Bytes fetched and to fetch of the layer in question, where the engine tells. */
  readonly currentBytes?: number
  readonly totalBytes?: number
}

export type ImageRemoval = 'removed' | 'absent' | 'in_use'

export type ImageEvent = { readonly kind: 'listening' } | { readonly kind: 'names_changed' }
