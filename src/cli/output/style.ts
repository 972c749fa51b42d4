import { styleText } from 'node:util'
import type { Output } from '../terminal.ts'

export type Style = Parameters<typeof styleText>[0]

/** Colours our own words where the output shows colours. What is not ours has to be neutralised before. */
export function style(format: Style, text: string, { hasColors }: Pick<Output, 'hasColors'>): string {
  return hasColors ? styleText(format, text, { validateStream: false }) : text
}
