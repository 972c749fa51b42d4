import { createHmac } from 'node:crypto'

/** The headers of Standard Webhooks that prove who sent a body, and when. `timestampS` counts from the Unix epoch. */
export function signWebhook(secret: Buffer, id: string, timestampS: number, body: string): Record<string, string> {
  const digest = createHmac('sha256', secret).update(`${id}.${timestampS}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': `${timestampS}`, 'webhook-signature': `v1,${digest}` }
}
