import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { AddressGuard } from '../webhooks/address-guard.ts'
import type { WebhookMeter } from '../webhooks/webhook-meter.ts'
import { WebhookPolicy } from '../webhooks/webhook-policy.ts'
import { type ResolveName, WebhookSender } from '../webhooks/webhook-sender.ts'
import { Webhooks } from '../webhooks/webhooks.ts'
import type { Config } from './config/config.ts'
import { packageVersion } from './package-version.ts'
import { loadWebhookSecret } from './webhook-secret.ts'

export interface OpenWebhooksDeps {
  readonly clock: Clock
  readonly log: Log
  /** Default: the resolver of this host. */
  readonly resolve?: ResolveName | undefined
  readonly meter: WebhookMeter | undefined
}

/** What tells receivers of ends, where the operator allows any. What was allowed before and is not any more is given up. */
export async function openWebhooks(
  { webhooks }: Config,
  { clock, log, resolve, meter }: OpenWebhooksDeps,
  held: AsyncDisposableStack,
): Promise<Webhooks> {
  const { allow, privateAddresses, secretFile, timeoutMs, giveUpAfterMs } = webhooks
  const sender = new WebhookSender({
    guard: new AddressGuard(privateAddresses),
    clock,
    timeoutMs,
    userAgent: `errand/${packageVersion()}`,
    ...(resolve !== undefined && { resolve }),
  })
  // Nothing is sent, and so nothing signed, where no receiver is allowed.
  const secret = allow.length === 0 ? Buffer.alloc(0) : await loadWebhookSecret(secretFile, log)
  const policy = new WebhookPolicy(allow)
  return held.use(new Webhooks({ policy, sender, secret, clock, log, meter, giveUpAfterMs, random: Math.random }))
}
