import { abortable } from './abort.ts'

interface Flight<T> {
  readonly controller: AbortController
  readonly result: Promise<T>
  passengers: number
}

/** Runs one piece of work per key however many want its result. Whoever leaves hurts nobody; the last to leave aborts it. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** Joins the work under way for `key`, or begins it. An abort of `signal` leaves; it rejects with `signal.reason`. */
  async join(key: string, begin: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    const flight = this.#flights.get(key) ?? this.#begin(key, begin)
    flight.passengers += 1
    try {
      return await abortable(flight.result, signal)
    } finally {
      flight.passengers -= 1
      if (flight.passengers === 0) this.#end(key, flight, signal.reason)
    }
  }

  /** How many want the work under way for `key`. */
  passengers(key: string): number {
    return this.#flights.get(key)?.passengers ?? 0
  }

  #begin(key: string, begin: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const flight: Flight<T> = { controller, result: begin(controller.signal), passengers: 0 }
    this.#flights.set(key, flight)
    return flight
  }

  // Aborting work that has ended does nothing; a later caller must not join work that was abandoned.
  #end(key: string, flight: Flight<T>, reason: unknown): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
    flight.controller.abort(reason)
    flight.result.catch(() => {})
  }
}
