import type { RequestListener } from 'node:http'
import type { TcpEndpoint } from '../../core/endpoint.ts'
import type { ErrandError } from '../../core/errors.ts'

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
  /** Where the server of every such sandbox is: somebody else's, already up. Instead of `serve`. */
  readonly endpoint?: TcpEndpoint
  /** Default: at start, so that only the mark tells readiness. */
  readonly listens?: 'at start' | 'when ready'
  /** Ends by itself, `afterMs` after its start on the engine's clock. Default: at once, before `start` resolves. */
  readonly exit?: { readonly code: number; readonly afterMs?: number; readonly isOomKilled?: boolean }
  readonly ignoresSigterm?: boolean
  /** What the image takes on the disk. Default: 1. */
  readonly imageBytes?: number
  /** Milliseconds on the engine's clock before a call takes effect. */
  readonly delaysMs?: Partial<Record<FakeMethod, number>>
  /** Thrown instead of taking effect, every time. */
  readonly failures?: Partial<Record<FakeMethod, ErrandError>>
}
