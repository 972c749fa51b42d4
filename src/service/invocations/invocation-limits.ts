/** How much is taken of what is answered later. */
export interface InvocationLimits {
  /** How many are with tasks at once. */
  readonly concurrency: number
  /** How many may wait, of all callers and of one. */
  readonly queueLimit: number
  readonly callerQueueLimit: number
  /** For so long one that no task could take is tried again. */
  readonly queueTimeoutMs: number
  readonly maxRequestBytes: number
  readonly maxResponseBytes: number
  /** How long record and answer are kept after the end. */
  readonly retentionMs: number
  /** What all that have ended may take on disk; Infinity for no bound. */
  readonly retentionBytes: number
}
