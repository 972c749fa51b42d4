import { createHash } from 'node:crypto'
import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import type { WebhookOutcome } from '../../webhooks/webhooks.ts'
import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionWatcher } from './execution-watcher.ts'

interface ExecutionWebhooksDeps {
  /** Changes what is kept of one, by its only writer. @throws not_found, storage_full, storage_error */
  readonly amend: (executionId: string, webhook: WebhookOutcome) => Promise<void>
  readonly deps: ExecutionDeps
}

/** Tells callers that their executions have ended. Whether that was done is in the record: there is no second list. */
export class ExecutionWebhooks implements ExecutionWatcher {
  readonly #deps: ExecutionDeps
  readonly #amend: ExecutionWebhooksDeps['amend']

  constructor({ deps, amend }: ExecutionWebhooksDeps) {
    this.#deps = deps
    this.#amend = amend
  }

  /** @throws unsupported where there is no way to send any; validation_failed, forbidden */
  assertAllowed({ webhook }: ExecutionRecord['request']): void {
    if (webhook === undefined) return
    const { webhooks } = this.#deps
    if (webhooks === undefined) throw new ErrandError('unsupported', 'webhook: only a node sends any')
    webhooks.outlet.assertAllowed(webhook.url)
  }

  moved(record: ExecutionRecord): void {
    this.tell(record)
  }

  /** Unless it has not ended, nobody wants to know, or it was told. */
  tell(record: ExecutionRecord): void {
    const { webhooks } = this.#deps
    const asked = outstanding(record)
    if (webhooks === undefined || asked === undefined) return
    const { executionId, times } = record
    webhooks.outlet.add({
      id: webhookIdOf(record),
      callerId: record.callerId,
      url: asked.url,
      sinceMs: times.endedMs ?? times.acceptedMs,
      load: async () => {
        const now = await this.#deps.journal.find(this.#deps.executorId, executionId)
        // Forgotten, or another one of that id.
        if (now === undefined || webhookIdOf(now) !== webhookIdOf(record)) return undefined
        return webhooks.event(now)
      },
      settle: async (outcome) => {
        await this.#amend(executionId, outcome).catch((error: unknown) => {
          if (ErrandError.from(error).code !== 'not_found') throw error
        })
      },
    })
  }

  /** Resolves when nothing more is to be told of it. @throws draining */
  async untilTold(executionId: string): Promise<void> {
    const { webhooks, journal, executorId } = this.#deps
    if (webhooks === undefined) return
    const record = await journal.find(executorId, executionId)
    if (record !== undefined && outstanding(record) !== undefined) await webhooks.outlet.settled(webhookIdOf(record))
  }
}

/** The webhook that is to be told of its end and was not; undefined when nobody is. */
function outstanding({ request, webhook, status }: ExecutionRecord): ExecutionRecord['request']['webhook'] {
  if (request.webhook === undefined || webhook !== undefined || !isTerminal(status)) return undefined
  const isWanted = request.webhook.events?.includes(status) ?? true
  return isWanted ? request.webhook : undefined
}

/** Of this end of this execution, whichever process tells it, and of no other. */
function webhookIdOf({ executorId, executionId, times, status }: ExecutionRecord): string {
  const parts = [executorId, executionId, String(times.acceptedMs), status]
  return `execution-${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)}`
}
