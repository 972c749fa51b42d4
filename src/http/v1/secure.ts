/** Headers of whatever /v1 says itself: it is kept nowhere, and taken for nothing else than what it says it is. */
export const SECURE: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}
