import { isUtf8 } from 'node:buffer'
import type { LogEntry } from '../../logs/log-entry.ts'
import { chooseType } from '../accept.ts'
import type { LogLine } from '../contract/log-line.ts'
import { eventText } from './stream-answer.ts'
import { toTime } from './views.ts'

export interface LogFormat {
  readonly contentType: string
  readonly isEvents: boolean
  write(entry: LogEntry): string | Buffer
}

const LINES: LogFormat = {
  contentType: 'application/x-ndjson',
  isEvents: false,
  write: (entry) => `${JSON.stringify(viewLine(entry))}\n`,
}

/** An event's id is the last place that it takes, so that whoever comes again goes on after a gap. */
const EVENTS: LogFormat = {
  contentType: 'text/event-stream',
  isEvents: true,
  write: (entry) => eventText('log', viewLine(entry), entry.gap?.untilSeq ?? entry.seq),
}

const NEW_LINE = 0x0a

/** The bytes, and a line of its own for what is not kept. */
class TextFormat implements LogFormat {
  readonly contentType = 'text/plain; charset=utf-8'
  readonly isEvents = false
  #isAmidLine = false

  write({ data, gap }: LogEntry): string | Buffer {
    if (gap === undefined) {
      if (data.length > 0) this.#isAmidLine = data.at(-1) !== NEW_LINE
      return data
    }
    const before = this.#isAmidLine ? '\n' : ''
    this.#isAmidLine = false
    return `${before}[errand: ${gap.bytes ?? 'some'} bytes lost]\n`
  }
}

/** By the header `Accept`; lines of JSON unless it wants another. @throws StatusError 406 */
export function formatFor(accept: string | undefined): LogFormat {
  switch (chooseType(accept, ['application/x-ndjson', 'text/plain', 'text/event-stream'])) {
    case 'text/event-stream':
      return EVENTS
    case 'text/plain':
      return new TextFormat()
    default:
      return LINES
  }
}

function viewLine({ seq, timeMs, stream, data, gap }: LogEntry): LogLine {
  const head = { seq, time: toTime(timeMs), stream }
  if (gap === undefined) {
    const text = data.toString('utf8')
    return isUtf8(data) ? { ...head, data: text } : { ...head, data: text, base64: data.toString('base64') }
  }
  const { cause, untilSeq, bytes } = gap
  return { ...head, gap: { cause, untilSeq, ...(bytes !== undefined && { bytes }) } }
}
