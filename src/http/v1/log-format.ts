import { isUtf8 } from 'node:buffer'
import type { LogEntry } from '../../logs/log-entry.ts'
import type { LogLine } from '../contract/log-line.ts'
import { eventText } from './stream-answer.ts'
import { toTime } from './views.ts'

export interface LogFormat {
  readonly contentType: string
  readonly isEvents: boolean
  /** Empty for what the format has no words for. */
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

/** The bytes and nothing else. */
const TEXT: LogFormat = {
  contentType: 'text/plain; charset=utf-8',
  isEvents: false,
  write: ({ data }) => data,
}

/** By the header `Accept`; lines of JSON unless it names another. */
export function formatFor(accept: string | undefined = ''): LogFormat {
  if (accept.includes('text/event-stream')) return EVENTS
  return accept.includes('text/plain') ? TEXT : LINES
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
