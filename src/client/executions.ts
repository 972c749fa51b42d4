import type { Readable } from 'node:stream'
import type { ExecutionStatus } from '../core/execution.ts'
import { randomId } from '../core/ids.ts'
import type { ExecutionBodyIn } from '../http/contract/execution-body.ts'
import type { ExecutionPage, ExecutionView, ExecView, StatsView } from '../http/contract/execution-view.ts'
import type { LogLine } from '../http/contract/log-line.ts'
import {
  cancelExecution,
  execInExecution,
  getExecution,
  getExecutionStats,
  listExecutions,
  pauseExecution,
  readOutput,
  readOutputs,
  removeExecution,
  resumeExecution,
  submitExecution,
  uploadInputs,
  waitForExecution,
} from '../http/contract/operations/executions.ts'
import type { CancelBody, ExecBody } from '../http/contract/requests.ts'
import type { Calls } from './calls.ts'
import type { Download } from './download.ts'
import { type LogOptions, readLogs } from './logs.ts'
import { longPoll, type WaitOptions } from './long-poll.ts'
import type { CallOptions } from './options.ts'
import { readPages } from './pages.ts'

/** One-off work on one node. Every call rejects with `ErrandError`, or with the reason of its signal. */
export class ExecutionsClient {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /**
   * Resolves once the execution will not be forgotten, long before it runs. A lost answer is asked for again under one
   * idempotency key, so that nothing runs twice. An abort may leave an execution behind: give it an `id` to know which.
   */
  async submit(body: ExecutionBodyIn, options: SubmitOptions = {}): Promise<ExecutionView> {
    const { idempotencyKey = randomId(), ...rest } = options
    const headers = { 'idempotency-key': idempotencyKey }
    return this.#calls.call(submitExecution, { body, headers, isRepeatable: true, ...rest })
  }

  /** Submits, and waits for the end. An abort leaves it running. */
  async run(body: ExecutionBodyIn, options: SubmitOptions & WaitOptions = {}): Promise<ExecutionView> {
    const { timeoutMs, ...rest } = options
    const { id } = await this.submit(body, rest)
    return this.wait(id, { ...rest, ...(timeoutMs !== undefined && { timeoutMs }) })
  }

  async get(id: string, options: CallOptions = {}): Promise<ExecutionView> {
    return this.#calls.call(getExecution, { params: { id }, ...options })
  }

  /** All that there are, the youngest first, a page at a time as they are read. */
  list(options: ListOptions = {}): AsyncGenerator<ExecutionView, void, undefined> {
    return readPages(
      options,
      (of) => this.page(of),
      ({ executions }) => executions,
    )
  }

  /** One page, with the `cursor` of the next. */
  async page(options: ListOptions = {}): Promise<ExecutionPage> {
    const { status, job, labels, since, until, limit, cursor, ...rest } = options
    const label = labels && Object.entries(labels).map(([key, value]) => `${key}=${value}`)
    const times = { since: since?.toISOString(), until: until?.toISOString() }
    const query = { status: status?.join(','), job, label, ...times, limit, cursor }
    return this.#calls.call(listExecutions, { query, ...rest })
  }

  /**
   * The record once it has ended, however that was. Waits on through lost connections and restarts of the node.
   * @throws deadline_exceeded after `timeoutMs`; the execution runs on. not_found
   */
  async wait(id: string, options: WaitOptions = {}): Promise<ExecutionView> {
    const unmet = `execution ${id} has not ended`
    return longPoll(this.#calls, { ...options, operation: waitForExecution, params: { id }, unmet })
  }

  /** SIGTERM, and SIGKILL after `graceMs`. @throws not_found, already_ended */
  async cancel(id: string, { graceMs, ...options }: CancelBody & CallOptions = {}): Promise<ExecutionView> {
    const body = graceMs === undefined ? {} : { graceMs }
    return this.#calls.call(cancelExecution, { params: { id }, body, ...options })
  }

  /** Freezes its processes. */
  async pause(id: string, options: CallOptions = {}): Promise<ExecutionView> {
    return this.#calls.call(pauseExecution, { params: { id }, ...options })
  }

  /** Lets frozen processes go on. */
  async resume(id: string, options: CallOptions = {}): Promise<ExecutionView> {
    return this.#calls.call(resumeExecution, { params: { id }, ...options })
  }

  /**
   * Runs a command inside: words, never a line for a shell. Its exit code is part of the answer, no error.
   * @throws deadline_exceeded after `timeoutMs`; it may go on as long as the execution does
   */
  async exec(id: string, argv: readonly string[], options: ExecOptions = {}): Promise<ExecView> {
    const { env, workingDir, user, timeoutMs, ...rest } = options
    const body: ExecBody = {
      argv: [...argv],
      ...(env !== undefined && { env }),
      ...(workingDir !== undefined && { workingDir }),
      ...(user !== undefined && { user }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    }
    return this.#calls.call(execInExecution, { params: { id }, body, ...rest })
  }

  /** What it uses now. @throws not_ready, already_ended */
  async stats(id: string, options: CallOptions = {}): Promise<StatsView> {
    return this.#calls.call(getExecutionStats, { params: { id }, ...options })
  }

  /** Forgets it, with its output; one that has not ended is ended first. */
  async remove(id: string, options: CallOptions = {}): Promise<void> {
    await this.#calls.call(removeExecution, { params: { id }, ...options })
  }

  /**
   * Sends the files of all its `inputs` that are an `upload`: a tar archive, not compressed, with each of them by its name at
   * the top. It begins no sooner. Not sent again by itself: after `node_unavailable` its record tells whether it still waits.
   * @throws not_found; already_exists, already_ended when it has begun; validation_failed for what is no such archive
   */
  async uploadInputs(id: string, archive: Readable, options: CallOptions = {}): Promise<ExecutionView> {
    return this.#calls.call(uploadInputs, { params: { id }, upload: archive, ...options })
  }

  /**
   * What it has left in its `outputs`, once it has ended: all of them as a tar archive, or, with a path that begins with the
   * name of one, a folder as an archive or a file as it is. @throws not_found, not_ready
   */
  async outputs(id: string, path?: string, options: CallOptions = {}): Promise<Download> {
    const accept = { headers: { accept: '*/*' } }
    if (path === undefined) return this.#calls.download(readOutputs, { params: { id }, ...accept, ...options })
    return this.#calls.download(readOutput, { params: { id, path }, ...accept, ...options })
  }

  /**
   * Its output in order, each line once, whatever becomes of connections and of the node's process meanwhile. What the node
   * has not got is a line with `gap`. Ends with the output there is, or, with `follow`, with that of the whole execution.
   */
  logs(id: string, options: LogOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    return readLogs(this.#calls, id, options)
  }
}

export interface SubmitOptions extends CallOptions {
  /** 1 to 255 visible ASCII characters that stand for this execution for good. Default: one of its own for every call. */
  readonly idempotencyKey?: string
}

/** What is said of a command beside its words. `timeoutMs` is how long it may take; default: as long as the caller waits. */
export interface ExecOptions extends CallOptions, Omit<ExecBody, 'argv'> {}

export interface ListOptions extends CallOptions {
  readonly status?: readonly ExecutionStatus[]
  readonly job?: string
  /** Only those with all of these. */
  readonly labels?: Readonly<Record<string, string>>
  /** When they were accepted: then or later, and before that. */
  readonly since?: Date
  readonly until?: Date
  /** Of one page: 1 to 200. Default: 50. */
  readonly limit?: number
  /** Of an earlier page, to go on after it. */
  readonly cursor?: string
}
