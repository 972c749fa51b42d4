import assert from 'node:assert/strict'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { type ExecutionStatus, isTerminal } from '../../src/core/execution.ts'
import type { EventView } from '../../src/http/contract/event-view.ts'
import type { ExecutionBody } from '../../src/http/contract/execution-body.ts'
import type { ExecutionView } from '../../src/http/contract/execution-view.ts'
import { type Address, type HttpAnswer, type HttpCall, httpCall } from './http-call.ts'

/** Errand's own interface on a unix socket, as far as tests need it. */
export class V1Client {
  readonly address: Address
  readonly #socketPath: string

  constructor(socketPath: string) {
    this.address = `unix:${socketPath}`
    this.#socketPath = socketPath
  }

  /** The same key may be sent any number of times. */
  async submit(body: ExecutionBody, key: string): Promise<ExecutionView> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    const call = { method: 'POST', path: '/v1/executions', headers, body: JSON.stringify(body) } as const
    return JSON.parse((await this.#call(call, [200, 201])).text)
  }

  async get(id: string): Promise<ExecutionView> {
    return JSON.parse((await this.#call({ method: 'GET', path: `/v1/executions/${id}` }, [200])).text)
  }

  async cancel(id: string): Promise<void> {
    await this.#call({ method: 'POST', path: `/v1/executions/${id}/cancel` }, [200])
  }

  /** However long that takes. */
  async wait(id: string): Promise<ExecutionView> {
    for (;;) {
      const path = `/v1/executions/${id}/wait?timeout=30s`
      const { status, text } = await this.#call({ method: 'GET', path }, [200, 202])
      if (status === 200) return JSON.parse(text)
    }
  }

  /** Resolves once an execution has come to a status. */
  async until(id: string, status: ExecutionStatus): Promise<void> {
    await this.#events((event) => event.execution === id && event.status === status)
  }

  /** What it has printed, on both streams. */
  async log(id: string): Promise<string> {
    const headers = { accept: 'text/plain' }
    return (await this.#call({ method: 'GET', path: `/v1/executions/${id}/logs`, headers }, [200])).text
  }

  /** Every execution that is known, the youngest first. */
  async list(): Promise<ExecutionView[]> {
    const found: ExecutionView[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const path: string = `/v1/executions?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page: { executions: ExecutionView[]; cursor?: string } = JSON.parse(
        (await this.#call({ method: 'GET', path }, [200])).text,
      )
      found.push(...page.executions)
      cursor = page.cursor
    }
    return found
  }

  /** All that were kept, up to the one that ended the execution `last`. */
  async eventsUntilEndOf(last: string): Promise<EventView[]> {
    return this.#events(({ execution, status }) => execution === last && isTerminal(status))
  }

  /** From the first that is kept to the first that is `last`, past or to come. */
  async #events(isLast: (event: EventView) => boolean): Promise<EventView[]> {
    const sent = request({ socketPath: this.#socketPath, path: '/v1/events?since=0', agent: false })
    const { promise, resolve, reject } = Promise.withResolvers<EventView[]>()
    const events: EventView[] = []
    sent.on('error', reject)
    sent.on('response', (response) => {
      const reader = createInterface({ input: response })
      reader.on('error', reject)
      reader.on('line', (line) => {
        if (!line.startsWith('data: {"seq"')) return
        const event: EventView = JSON.parse(line.slice('data: '.length))
        events.push(event)
        if (isLast(event)) resolve(events)
      })
    })
    sent.end()
    return promise.finally(() => sent.destroy())
  }

  async #call(call: HttpCall, expected: readonly number[]): Promise<HttpAnswer> {
    const answer = await httpCall(this.address, call)
    assert.ok(expected.includes(answer.status), `${call.method} ${call.path}: ${answer.status} ${answer.text}`)
    return answer
  }
}
