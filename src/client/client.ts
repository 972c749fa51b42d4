import { Calls } from './calls.ts'
import { clientClock } from './client-clock.ts'
import { type EventOptions, type NodeEvent, readEvents } from './events.ts'
import { ExecutionsClient } from './executions.ts'
import { InstancesClient } from './instances.ts'
import { InvocationsClient } from './invocations.ts'
import { type Invocation, type InvocationAnswer, invoke } from './invoke.ts'
import { NodeClient } from './node.ts'
import type { ClientDeps, ErrandClientOptions } from './options.ts'
import { TasksClient } from './tasks.ts'

export { ErrandError, type ErrorCode, type ErrorDetails } from '../core/errors.ts'
export { type EndReason, type ExecutionStatus, isTerminal, type TerminalStatus } from '../core/execution.ts'
export type { EventView } from '../http/contract/event-view.ts'
export type { ExecutionBodyIn } from '../http/contract/execution-body.ts'
export type { ExecutionPage, ExecutionView, ExecView, StatsView } from '../http/contract/execution-view.ts'
export type { InstanceView } from '../http/contract/instance-view.ts'
export type { InvocationPageView, InvocationView } from '../http/contract/invocation-view.ts'
export type { LogLine } from '../http/contract/log-line.ts'
export type { ConfigVersionView, NodeConfigView, NodeView } from '../http/contract/node-view.ts'
export type { NamedTaskBodyIn } from '../http/contract/task-body.ts'
export type { TaskPage, TaskView } from '../http/contract/task-view.ts'
export type { Download } from './download.ts'
export type { EventOptions, NodeEvent } from './events.ts'
export type { ExecOptions, ExecutionsClient, ListOptions, SubmitOptions } from './executions.ts'
export type { InstancesClient } from './instances.ts'
export type { InvocationListOptions, InvocationsClient, LaterAnswer, LaterInvocation } from './invocations.ts'
export type { Invocation, InvocationAnswer } from './invoke.ts'
export type { LogOptions } from './logs.ts'
export type { WaitOptions } from './long-poll.ts'
export type { NodeClient } from './node.ts'
export type { CallOptions, ErrandClientOptions } from './options.ts'
export type { TaskListOptions, TaskOptions, TasksClient } from './tasks.ts'

const DEPS: ClientDeps = { clock: clientClock, random: Math.random }

/**
 * One node's /v1, for programs. Connects when it is first asked for something, and holds no program back from its end.
 * Every call rejects with an `ErrandError` whose `code` says what to do, or with the reason of the signal that ended it.
 */
export class ErrandClient implements AsyncDisposable {
  readonly executions: ExecutionsClient
  readonly tasks: TasksClient
  readonly invocations: InvocationsClient
  readonly instances: InstancesClient
  readonly node: NodeClient
  readonly #calls: Calls

  /** Does no I/O. @throws validation_failed for an address or a token that can be none */
  constructor(options: ErrandClientOptions = {}, deps: Partial<ClientDeps> = {}) {
    this.#calls = new Calls(options, { ...DEPS, ...deps })
    this.executions = new ExecutionsClient(this.#calls)
    this.tasks = new TasksClient(this.#calls)
    this.invocations = new InvocationsClient(this.#calls)
    this.instances = new InstancesClient(this.#calls)
    this.node = new NodeClient(this.#calls)
  }

  /**
   * Every change of the status of the caller's executions, each once and in order, through lost connections and restarts of
   * the node. Does not end by itself: leave its loop, or abort its signal.
   */
  events(options: EventOptions = {}): AsyncGenerator<NodeEvent, void, undefined> {
    return readEvents(this.#calls, options)
  }

  /**
   * Sends one request to a named task, and resolves with the head of what it answers; its body comes as it is sent. An answer
   * of the task is none of the node's: no status of it is an error.
   */
  invoke(task: string, invocation: Invocation = {}): Promise<InvocationAnswer> {
    return invoke(this.#calls, task, invocation)
  }

  /** Ends every call under way with `cancelled` and closes all connections. Idempotent. */
  async close(): Promise<void> {
    await this.#calls[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
