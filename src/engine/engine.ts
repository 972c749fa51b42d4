import type { Resources } from '../core/resources.ts'
import type { EngineImages } from './engine-images.ts'
import type { EngineProbe } from './engine-probe.ts'
import type { SandboxSpec } from './sandbox-spec.ts'
import type { DiskUsage, SandboxBill, SandboxStats } from './sandbox-usage.ts'
import type { SandboxIdentity, SandboxListing, SandboxRef, SandboxView } from './sandbox-view.ts'

export type * from './engine-images.ts'
export type * from './engine-probe.ts'
export type * from './sandbox-spec.ts'
export type * from './sandbox-usage.ts'
export type * from './sandbox-view.ts'

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
  /** What this engine can do on this host, asked anew: one that is going down takes no new questions, and gives no answer. */
  probe(signal: AbortSignal): Promise<EngineProbe>
  /** What a sandbox takes of the host: the resources asked for plus the overhead of the sandbox itself. Pure. */
  footprint(spec: SandboxSpec): Resources
  /**
   * Makes a sandbox that does not run yet. Idempotent: a sandbox of this name with the same labels is returned as it is.
   * @throws already_exists when the name belongs to something else; image_not_found; runtime_unavailable; validation_failed
   */
  create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef>
  /**
   * Follows the live output, from the first byte when called before `start`. A
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
  /** Freezes all its processes; idempotent. @throws unsupported where `probe().canPause` is false; not_found */
  pause(ref: SandboxRef, signal: AbortSignal): Promise<void>
  /** Thaws what `pause` froze; idempotent. @throws unsupported; not_found */
  resume(ref: SandboxRef, signal: AbortSignal): Promise<void>
  /**
   * Output kept by the engine, oldest first; of running and ended sandboxes. Reads as fast as it is consumed. Engines keep
   * lines: a last one that was left open may come back with a line feed.
   */
  output(ref: SandboxRef, range: OutputRange, signal: AbortSignal): AsyncIterable<OutputChunk>
  /**
   * Runs a command beside the main process and resolves when it has ended. `sink` as in `attach`. An abort lets go of it;
   * it may go on as long as the sandbox does.
   * @throws unsupported where `probe().canExec` is false; command_not_found; task_gone when the sandbox does not run;
   * not_found
   */
  exec(
    ref: SandboxRef,
    command: ExecCommand,
    sink: OutputSink,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number }>
  /** What it uses now; undefined when it does not run. */
  stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats | undefined>
  /**
   * What it has used in all, told once it has exited and until it is removed: exact where the engine can count past the
   * end, else undefined. Some tell what it has used so far while it runs, the others nothing.
   */
  bill(ref: SandboxRef, signal: AbortSignal): Promise<SandboxBill | undefined>
  /**
   * A file or folder of its file system as a tar stream, in any state; links are not followed inside. What lay in memory
   * is gone with the process.
   * @throws not_found when there is no such path, or no such sandbox; unsupported where `probe().canCollect` is false
   */
  collect(ref: SandboxRef, path: string, signal: AbortSignal): AsyncIterable<Buffer>
  /**
   * What it has written to its root file system so far; counting may stop as soon as one of the limits is passed. Undefined
   * when that cannot be seen.
   */
  diskUsage(ref: SandboxRef, limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined>
  /** Names what an exit means where the engine's own launcher failed; undefined when the task itself exited. Pure. */
  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined
  /**
   * What happens to sandboxes that carry this label and value. The first event is always `listening`: whatever changed
   * before it has to be inspected. Ends or rejects when the connection is lost; the caller listens again.
   */
  events(label: string, value: string, signal: AbortSignal): AsyncIterable<EngineEvent>
}

export interface ExecCommand {
  /** At least the command itself. Never passed through a shell. */
  readonly argv: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
}

/** Nothing said: everything that was kept, then the end. */
export interface OutputRange {
  readonly lastLines?: number
  /** Only what came at this wall time or later. */
  readonly sinceMs?: number
  /** Goes on as output is produced, until the sandbox has exited. */
  readonly follow?: boolean
}

export type SignalName = NodeJS.Signals

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Buffer
}

export type OutputSink = (chunk: OutputChunk) => void

/** A live output connection. Disposing cuts it at once and never blocks the task. */
export interface Attachment extends Disposable {
  /** Resolves when the output has ended or the attachment was disposed. Never rejects. */
  readonly ended: Promise<void>
  /**
   * Takes no output until `until` has settled, or for ten seconds: meanwhile a task that prints on is blocked, and ending it
   * may take as long. An engine may pass it over.
   */
  holdUp(until: Promise<void>): void
}

export type EngineEvent =
  | { readonly kind: 'listening' }
  /** Somebody had the engine send it a signal, by its number: we, or whoever else may use the engine. */
  | { readonly kind: 'signalled'; readonly id: string; readonly signal: number }
  /** An exit code other than the one that inspection shows says that nobody saw it end: what ran it was lost. */
  | { readonly kind: 'exited'; readonly id: string; readonly exitCode: number }
  | { readonly kind: 'removed'; readonly id: string }
