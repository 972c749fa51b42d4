import type { ConfigVersionView, NodeConfigView, NodeView } from '../http/contract/node-view.ts'
import {
  changeNodeConfig,
  drainNode,
  getConfigVersion,
  getNode,
  getNodeConfig,
  pauseNode,
  unpauseNode,
} from '../http/contract/operations/node.ts'
import type { NodeConfigBody } from '../http/contract/requests.ts'
import type { Calls } from './calls.ts'
import { longPoll, type WaitOptions } from './long-poll.ts'
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

  /**
   * Refuses new work, and resolves when every execution that was accepted has ended. Requests for later that no task has got are
   * kept until the node takes work again. A node that is started again meanwhile is told again.
   * @throws deadline_exceeded after `timeoutMs`; work is refused all the same
   */
  async drain(options: WaitOptions = {}): Promise<NodeView> {
    return longPoll(this.#calls, { ...options, operation: drainNode, unmet: 'the work of the node has not ended' })
  }

  /** What its owner grants. */
  async config(options: CallOptions = {}): Promise<NodeConfigView> {
    return this.#calls.call(getNodeConfig, options)
  }

  /** All that it ran with under that version, such as an execution names. @throws not_found for one that is not kept any more */
  async configVersion(version: number, options: CallOptions = {}): Promise<ConfigVersionView> {
    return this.#calls.call(getConfigVersion, { params: { version: `${version}` }, ...options })
  }

  /** Grants something else, until the daemon is started again. What is left out stays. Resolves with all of it. */
  async changeConfig(body: NodeConfigBody<number | string>, options: CallOptions = {}): Promise<NodeConfigView> {
    return this.#calls.call(changeNodeConfig, { body, isRepeatable: true, ...options })
  }
}
