import { createHook } from 'node:async_hooks'

/** Counts what this process begins from now on, by the names that Node.js has for it, such as `FSREQCALLBACK`. */
export class AsyncActivity implements Disposable {
  readonly #counts = new Map<string, number>()
  readonly #hook = createHook({
    init: (_id, type) => void this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1),
  })

  constructor() {
    this.#hook.enable()
  }

  /** File system requests, look-ups of names, and connections that were opened or accepted. */
  get costly(): Record<string, number> {
    const isCostly = ([type]: [string, number]): boolean =>
      /^(?:FSREQ|GETADDRINFO|GETNAMEINFO|DNS|QUERY)|CONNECTWRAP$|^(?:TCP|PIPE)WRAP$/.test(type)
    return Object.fromEntries([...this.#counts].filter(isCostly))
  }

  [Symbol.dispose](): void {
    this.#hook.disable()
  }
}
