/**
 * Text of a task, an image, a label or another machine as a terminal may get it: nothing in it moves the cursor, sets a
 * title, writes the clipboard, answers for the user or reverses the reading direction. What could is shown instead:
 * `\x1b` as `␛`, others as `<U+202E>`.
 *
 * `lines` keeps line feeds, also those after a carriage return, and tabs: for text that is more than a cell or a name.
 */
export function neutralize(text: string, { lines = false }: { readonly lines?: boolean } = {}): string {
  const kept = lines ? text.replaceAll('\r\n', '\n') : text
  return kept.toWellFormed().replace(SUSPECT, (character) => {
    const isKept = (lines && LINE_FORMATS.has(character)) || SEEN_FORMATS.test(character)
    return isKept ? character : show(character)
  })
}

/**
 * What a terminal, or the algorithm for mixed writing directions, takes as an instruction, and formats in which text can
 * hide: C0, DEL and C1; marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs;
 * soft hyphen, zero-width space, annotations, tags.
 */
const SUSPECT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

const LINE_FORMATS: ReadonlySet<string> = new Set(['\n', '\t'])

/** Joiners and non-joiners, without which words and emoji fall apart, and signs of Arabic and Syriac that are seen. */
const SEEN_FORMATS = /\u200c|\u200d|[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2]/

/** Unicode has a picture of each C0 control and of DEL, one column wide. */
function show(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20) return String.fromCodePoint(0x2400 + code)
  if (code === 0x7f) return '\u2421'
  return `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`
}
