const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** East Asian letters and full-width forms, and emoji, take two columns of a terminal; half-width forms do not. */
const WIDE =
  /(?![\uff61-\uffdc])[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u

/** Columns of a terminal that text without control characters takes. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  return Array.from(graphemes.segment(text), ({ segment }) => widthOf(segment)).reduce((sum, width) => sum + width, 0)
}

/** At most `columns` wide; what does not fit is cut and marked with an ellipsis. */
export function cutText(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text
  let cut = ''
  let width = 1
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment)
    if (width > columns) break
    cut += segment
  }
  return `${cut}…`
}

function widthOf(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2
  return /^\p{Mark}+$/u.test(grapheme) ? 0 : 1
}
