import type { Output } from '../terminal.ts'

/** Prints one JSON document, on several lines: the answer of `--json`. */
export function printJson(output: Output, value: unknown): void {
  output.write(`${jsonText(value, 2)}\n`)
}

/** Prints one line of NDJSON: one of many values that come one after the other. */
export function printJsonLine(output: Output, value: unknown): void {
  output.write(jsonLines([value]))
}

/** The same of values that are all here, as text. */
export function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${jsonText(value)}\n`).join('')
}

/** One document for one of them, and a line for each of several. */
export function jsonDocuments(value: unknown, count: number): string {
  return count === 1 ? `${jsonText(value, 2)}\n` : jsonLines([value])
}

/** JSON that is ASCII wherever a terminal could take a character as an instruction: the same value to every parser. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeUnits)
}

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
