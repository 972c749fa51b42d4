/** Told what becomes of webhooks. Nothing of it may throw. */
export interface WebhookMeter {
  /** No more is tried. */
  settled(outcome: 'delivered' | 'given_up'): void
}
