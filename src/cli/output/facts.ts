import type { Output } from '../terminal.ts'
import { wrapText } from './wrap-text.ts'

const LABEL_WIDTH = 12

/** What a line says, and what it says it of. Nothing in the text works a terminal but our own colours. */
export type Fact = readonly [label: string, text: string]

/** One line for each fact, or more where the screen is narrow. Nothing that is not ours has gone in without being neutralised. */
export function describeFacts(facts: readonly Fact[], { columns }: Output): string {
  const width = columns - LABEL_WIDTH
  const lines = facts.flatMap(([label, text]) => {
    const [first = '', ...rest] = wrapText(text, width)
    return [`${label.padEnd(LABEL_WIDTH)}${first}`, ...rest.map((line) => `${' '.repeat(LABEL_WIDTH)}${line}`)]
  })
  return lines.map((line) => `${line}\n`).join('')
}
