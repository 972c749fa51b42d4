import type { NodeView } from '../http/contract/node-view.ts'
import { getNode, pauseNode, unpauseNode } from '../http/contract/operations/node.ts'
import type { Calls } from './calls.ts'
import type { CallOptions } from './options.ts'

/** The node itself. */
export class NodeClient {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** What it offers and uses. */
  async get(options: CallOptions = {}): Promise<NodeView> {
    return this.#calls.call(getNode, options)
  }

  /** Resolves when it refuses new work, no invocation is under way and no warm instance is left. Executions run on. */
  async pause(options: CallOptions = {}): Promise<NodeView> {
    return this.#calls.call(pauseNode, options)
  }

  /** Takes work again. */
  async unpause(options: CallOptions = {}): Promise<NodeView> {
    return this.#calls.call(unpauseNode, options)
  }
}
