/** HTML that is safe to send: made by `html` alone. */
export interface Html {
  readonly html: string
}

type Piece = string | Html | readonly Html[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Joins a template; whatever is put into it is text, unless it is HTML already. */
export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return { html: parts.map((part, index) => part + toHtml(values[index] ?? '')).join('') }
}

function toHtml(value: Piece): string {
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
  return 'html' in value ? value.html : value.map((each) => each.html).join('')
}
