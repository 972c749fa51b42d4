import type { Output } from '../terminal.ts'
import { formatPercent } from './format.ts'

const CELLS = 20

/** A share from 0 to 1 as a percentage, and on a terminal as a bar before it. */
export function describeShare(share: number, { isTTY }: Output): string {
  const percent = formatPercent(share)
  if (!isTTY) return percent
  const full = Math.round(Math.min(Math.max(share, 0), 1) * CELLS)
  return `${'█'.repeat(full)}${'░'.repeat(CELLS - full)} ${percent}`
}
