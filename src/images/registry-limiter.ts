import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'

const TOO_MANY_REQUESTS = 429

/** Keeps all pulls away from a registry that asked for patience, not only the one that was told so. */
export class RegistryLimiter {
  readonly #clock: Clock
  /** When each registry may be asked again; entries go when their time is over. */
  readonly #untilMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(registry: string, error: ErrandError): void {
    if (error.details.registryStatus !== TOO_MANY_REQUESTS || error.retryAfterMs === undefined) return
    const untilMs = this.#clock.monotonicMs() + error.retryAfterMs
    this.#untilMs.set(registry, Math.max(untilMs, this.#untilMs.get(registry) ?? 0))
  }

  /** What to say to those who cannot wait as long as the registry wishes. */
  refusal(registry: string): ErrandError {
    const retryAfterMs = Math.ceil(this.delayMs(registry))
    return new ErrandError('registry_unavailable', `the registry ${registry} limits our rate`, {
      details: { registry, registryStatus: TOO_MANY_REQUESTS },
      retryAfterMs,
    })
  }

  /** Milliseconds until the registry may be asked. */
  delayMs(registry: string): number {
    const delayMs = (this.#untilMs.get(registry) ?? 0) - this.#clock.monotonicMs()
    if (delayMs > 0) return delayMs
    this.#untilMs.delete(registry)
    return 0
  }
}
