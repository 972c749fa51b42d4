import type { Clock } from '../core/clock.ts'

/** Where a node is, and how it is talked to. */
export interface ErrandClientOptions {
  /**
   * `unix:///PATH` of the node's socket, `http://HOST:PORT` or `https://HOST:PORT`, and nothing after that.
   * Default: `unix:///run/errand/errand.sock`.
   */
  readonly url?: string
  /** As `errand token create` printed it. The unix socket needs none. */
  readonly token?: string
  /** Instead of `token`: a file that holds it. Read for every request, so that a new token needs no new client. */
  readonly tokenFile?: string
  /** For `https`: who may vouch for the node, as PEM, instead of the authorities that Node.js knows. */
  readonly ca?: string | Buffer
  /** Ends every call of this client, with its reason. */
  readonly signal?: AbortSignal
  /**
   * For how long a call that does no harm when it is asked again is, while the node cannot be reached or puts it off, in
   * milliseconds; 0 for never, `Infinity` for as long as its signal lets it. Default: 10,000, in which a node that is
   * started again is back.
   */
  readonly patienceMs?: number
}

/** Of every call. */
export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason, and its connection is closed. */
  readonly signal?: AbortSignal
  /** Instead of the client's own. */
  readonly patienceMs?: number
}

/** What a client takes from its surroundings. */
export interface ClientDeps {
  readonly clock: Clock
  /** From 0 up to 1. */
  readonly random: () => number
}
