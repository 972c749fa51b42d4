import type { TcpEndpoint, UnixEndpoint } from '../core/endpoint.ts'
import type { ImageReference } from '../core/image-reference.ts'
import type { Resources } from '../core/resources.ts'

/**
 * The thin port to one vendor that can run sandboxes. References are plain values that survive a restart, so that
 * recovery and a fresh start take the same path. An engine keeps no record of sandboxes of its own and retries nothing.
 *
 * Every method rejects with an `ErrandError`: `engine_unavailable` (with `retryAfterMs`) when the engine gave no answer
 * in time, else the code named at the method. After `engine_unavailable` the call may still have taken effect: inspect.
 * An abort rejects with `signal.reason`, under the same caveat.
 *
 * The opener disposes it: disposing removes what the engine itself set up on the host (a network, a firewall rule), not
 * the sandboxes.
 */
export interface Engine extends AsyncDisposable {
  /** The vendor, in one word: `docker`, `fake`. */
  readonly name: string
  readonly images: EngineImages
  /** What this engine can do on this host, asked anew. */
  probe(signal: AbortSignal): Promise<EngineProbe>
  /** What a sandbox takes of the host: the resources asked for plus the overhead of the sandbox itself. Pure. */
  footprint(spec: SandboxSpec): Resources
  /**
   * Makes a sandbox that does not run yet. Idempotent: a sandbox of this name with the same labels is returned as it is.
   * @throws already_exists when the name belongs to something else; image_not_found; runtime_unavailable; validation_failed
   */
  create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef>
  /**
   * Follows the live output, from the first byte when called before `start`. `sink` must take each chunk at once: a
   * follower that stalls blocks the task. `signal` covers the connecting only; the attachment lasts until it ends or is
   * disposed.
   */
  attach(ref: SandboxRef, sink: OutputSink, signal: AbortSignal): Promise<Attachment>
  /** @throws command_not_found when the engine itself could not execute the task's command; not_found; runtime_unavailable */
  start(ref: SandboxRef, signal: AbortSignal): Promise<void>
  /** What the sandbox is now; undefined when the engine knows none of that name. `ref` may lack an id after a crash. */
  inspect(ref: Pick<SandboxRef, 'name'>, signal: AbortSignal): Promise<SandboxView | undefined>
  /** Every sandbox, in any state, that carries this label and value. Says nothing of who made it: check the mac. */
  list(label: string, value: string, signal: AbortSignal): Promise<SandboxListing[]>
  /** Sends a signal to the sandbox's main process. A sandbox that does not run is left as it is. */
  signal(ref: SandboxRef, name: SignalName, signal: AbortSignal): Promise<void>
  /** Ends and removes the sandbox with its volumes, also when it runs or is paused. Resolves once nothing is left. Idempotent. */
  remove(ref: SandboxRef, signal: AbortSignal): Promise<void>
  /** Freezes all its processes. @throws unsupported where `probe().canPause` is false; not_found */
  pause(ref: SandboxRef, signal: AbortSignal): Promise<void>
  /** Thaws what `pause` froze. @throws unsupported; not_found */
  resume(ref: SandboxRef, signal: AbortSignal): Promise<void>
  /** The last lines kept by the engine, oldest first; works on running and ended sandboxes. Reads as fast as it is consumed. */
  output(ref: SandboxRef, lastLines: number, signal: AbortSignal): AsyncIterable<OutputChunk>
  /** Names what an exit means where the engine's own launcher failed; undefined when the task itself exited. Pure. */
  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined
  /**
   * What happens to sandboxes that carry this label and value. The first event is always `listening`: whatever changed
   * before it has to be inspected. Ends or rejects when the connection is lost; the caller listens again.
   */
  events(label: string, value: string, signal: AbortSignal): AsyncIterable<EngineEvent>
}

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

export interface EngineProbe {
  readonly version: string
  readonly cpuCores: number
  readonly memoryBytes: number
  readonly canPause: boolean
  /** OCI runtimes that a spec may name. */
  readonly runtimes: ReadonlyMap<string, RuntimeProbe>
  readonly defaultRuntime: string
  /** Where it keeps images on this host; absent where that is not known, or out of this process's sight. */
  readonly storageFolder?: string
  /** Shortcomings of this host that an operator should know, one sentence each. */
  readonly warnings: readonly string[]
}

export interface RuntimeProbe {
  /** False when limits of memory, cpu or pids are known not to bind, so that the runtime must not get foreign work. */
  readonly enforcesLimits: boolean
  /** True when a task can serve on a unix socket that this process can open. */
  readonly hasUnixSocket: boolean
}

/** Everything an engine needs to make a sandbox. There is no way to ask for privileges, host paths or devices. */
export interface SandboxSpec {
  readonly imageId: string
  readonly resources: Resources
  /** One of `probe().runtimes`. */
  readonly runtime: string
  /** The TCP port that the task's server listens on. */
  readonly port: number
  /** Gives the task a folder and, in `ERRAND_SOCKET`, a path where it may serve instead of the port. */
  readonly hasSocket: boolean
  /** Operator-configured paths on the host; absent for tasks without SGX. */
  readonly sgx?: SgxPaths
}

export interface SgxPaths {
  readonly devicePath: string
  readonly aesmdPath: string
}

export interface SandboxIdentity {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Names a sandbox across restarts. */
export interface SandboxRef {
  /** Unique on the engine; chosen by us. */
  readonly name: string
  /** Given by the engine. */
  readonly id: string
}

export interface SandboxListing extends SandboxRef {
  readonly labels: Readonly<Record<string, string>>
}

export interface SandboxView extends SandboxListing {
  readonly state: 'created' | 'running' | 'paused' | 'exited'
  /** Set once it has exited. */
  readonly exit: SandboxExit | undefined
  /** Where its server can be dialled; undefined while it does not run. */
  readonly tcp: TcpEndpoint | undefined
  readonly unix: UnixEndpoint | undefined
  /** Process id on the host of its main process, where the engine tells. */
  readonly pid: number | undefined
  /** The limits as the engine says it set them. Zero means none. */
  readonly limits: Pick<Resources, 'cpuMillis' | 'memoryBytes'> & { readonly pids: number }
}

export interface SandboxExit {
  readonly exitCode: number
  readonly isOomKilled: boolean
}

export type SignalName = 'SIGTERM' | 'SIGKILL'

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Buffer
}

export type OutputSink = (chunk: OutputChunk) => void

/** A live output connection. Disposing cuts it at once and never blocks the task. */
export interface Attachment extends Disposable {
  /** Resolves when the output has ended or the attachment was disposed. Never rejects. */
  readonly ended: Promise<void>
}

export type EngineEvent =
  | { readonly kind: 'listening' }
  | { readonly kind: 'exited'; readonly id: string; readonly exitCode: number }
  | { readonly kind: 'removed'; readonly id: string }
