const DIGITS = 12

/** A reference as it is; the bare id of an image, where nobody knows a better name, by its first digits as Docker shows it. */
export function shortImage(reference: string): string {
  const [, digits] = /^(?:sha256:)?([0-9a-f]{64})$/.exec(reference) ?? []
  return digits?.slice(0, DIGITS) ?? reference
}
