import type { RequestListener } from 'node:http'
import type { Endpoint } from '../../core/endpoint.ts'
import type { ErrandError } from '../../core/errors.ts'
import type { ExecCommand, SandboxSpec, SignalName } from '../engine.ts'

/** The calls of the port, as they are counted, delayed, stalled and made to fail. */
export type FakeMethod =
  | 'probe'
  | 'find'
  | 'pull'
  | 'listImages'
  | 'removeImage'
  | 'imageEvents'
  | 'create'
  | 'attach'
  | 'start'
  | 'inspect'
  | 'list'
  | 'signal'
  | 'remove'
  | 'pause'
  | 'resume'
  | 'output'
  | 'exec'
  | 'stats'
  | 'bill'
  | 'collect'
  | 'diskUsage'
  | 'events'

/** Text is UTF-8 and goes to stdout unless said otherwise. */
export type FakeOutput = string | { readonly stream: 'stdout' | 'stderr'; readonly data: Buffer | string }

/** How every sandbox of one fake image behaves. The empty script starts, prints nothing and runs until it is ended. */
export interface FakeScript {
  /** Printed in this order when it starts, before the mark. */
  readonly output?: readonly FakeOutput[]
  /** Printed on stdout, with a line feed, once it is ready. */
  readonly mark?: string
  /** Between start and ready, on the engine's clock. Default: ready as it starts. */
  readonly readyAfterMs?: number
  /** Neither prints the mark nor, with `listens: 'when ready'`, listens. */
  readonly isNeverReady?: boolean
  /** Answers requests on a real HTTP server on 127.0.0.1. Without it the endpoint refuses connections. */
  readonly serve?: RequestListener
  /**
   * Where the server of every such sandbox is: somebody else's, already up. Instead of `serve`. One on a unix socket is
   * reached only in sandboxes that are given a socket.
   */
  readonly endpoint?: Endpoint
  /** Default: at start, so that only the mark tells readiness. */
  readonly listens?: 'at start' | 'when ready'
  /**
   * A program for the main process, which begins with the start. Its result is the exit code; what it throws is printed on
   * stderr, with exit code 1. Once the process has ended for another cause nobody listens to its program any more.
   */
  readonly run?: (process: FakeProcess) => Promise<number>
  /** Ends by itself, `afterMs` after its start on the engine's clock. Default: at once, before `start` resolves. */
  readonly exit?: { readonly code: number; readonly afterMs?: number; readonly isOomKilled?: boolean }
  /** Signals that do nothing; `all` spares SIGKILL, which cannot be ignored. */
  readonly ignores?: readonly SignalName[] | 'all'
  /** How long SIGKILL takes to end it, on the engine's clock, as with a process that hangs in the kernel. Default: 0. */
  readonly killTakesMs?: number
  /** Plays commands that are run beside the main process. Undefined, or no `exec` at all: there is no such command. */
  readonly exec?: (command: FakeCommand) => FakeExecAnswer | undefined | Promise<FakeExecAnswer | undefined>
  /** What is in the image's file system, by absolute path. */
  readonly files?: Readonly<Record<string, FakeFile>>
  /** What it uses from the start on. */
  readonly usage?: Partial<FakeUsage>
  /** What the image takes on the disk. Default: 1. */
  readonly imageBytes?: number
  /** Milliseconds on the engine's clock before a call takes effect. */
  readonly delaysMs?: Partial<Record<FakeMethod, number>>
  /** Thrown instead of taking effect, every time. */
  readonly failures?: Partial<Record<FakeMethod, ErrandError>>
}

/**
 * The main process of a fake sandbox, in the hands of its program. Once it has ended, whatever ended it, every wait
 * rejects and every call throws, so that the program comes to its end, too.
 */
export interface FakeProcess {
  readonly spec: SandboxSpec
  /** Entrypoint and command of the spec; empty where it leaves both to the image. A `prefix` counts as run, with success. */
  readonly argv: readonly string[]
  /** Of the spec alone. */
  readonly environment: Readonly<Record<string, string>>
  /** Aborts when the process has ended, whatever ended it. */
  readonly ended: AbortSignal
  print(output: FakeOutput): void
  /** Prints this many bytes, in lines of 64, with turns for everybody else in between; holds a few of them at a time. */
  flood(bytes: number, stream?: 'stdout' | 'stderr'): Promise<void>
  /** Makes or replaces a file, for `collect` and `diskUsage`. `path` is absolute. */
  write(path: string, file: FakeFile): void
  /** Uses this much from now on. More memory than its limit ends it, as out of memory. */
  use(usage: Partial<FakeUsage>): void
  /** On the engine's clock; goes on only while the sandbox is not paused. */
  sleep(delayMs: number): Promise<void>
  /**
   * The next of these signals, one that came since the last call included. From the first call on they do not end the
   * process any more. SIGKILL cannot be caught.
   */
  untilSignal(...names: readonly SignalName[]): Promise<SignalName>
}

/** A command beside the main process. It ends with that process, exit code 137. */
export interface FakeCommand extends ExecCommand {
  readonly process: FakeProcess
  readonly print: (output: FakeOutput) => void
}

/** Output given here is printed at the end. */
export interface FakeExecAnswer {
  readonly exitCode: number
  readonly stdout?: Buffer | string
  readonly stderr?: Buffer | string
}

/** A string stands for a file with this content. Folders on the way to a path need not be named. */
export type FakeFile =
  | string
  | { readonly kind: 'file'; readonly content: Buffer | string; readonly mode?: number }
  /** A file of this many zeros, which are not held in memory. */
  | { readonly kind: 'zeros'; readonly bytes: number; readonly mode?: number }
  | { readonly kind: 'symbolic link' | 'hard link'; readonly target: string }
  | { readonly kind: 'folder' | 'fifo' | 'device'; readonly mode?: number }

/** Totals since the start, but for `cpuPercent`, `memoryBytes` and `pids`, which are of the moment. */
export interface FakeUsage {
  readonly cpuNs: number
  /** Of one core. */
  readonly cpuPercent: number
  /** The most that it ever was is the peak in stats and bill. */
  readonly memoryBytes: number
  readonly networkRxBytes: number
  readonly networkTxBytes: number
  readonly blockReadBytes: number
  readonly blockWriteBytes: number
  readonly pids: number
}
