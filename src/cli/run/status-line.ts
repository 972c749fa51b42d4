import type { ExecutionView } from '../../client/client.ts'
import { formatBytes } from '../output/format.ts'
import { neutralize } from '../output/neutralize.ts'
import { cutText } from '../output/text-width.ts'
import type { Output } from '../terminal.ts'

/** To the start of the line, and nothing after it. */
const CLEAR = '\r\u001b[K'

/** One line on a terminal that says what is waited for. Where nobody looks it says nothing. */
export class StatusLine implements Disposable {
  readonly #output: Output
  #shown = ''

  constructor(output: Output) {
    this.#output = output
  }

  show(text: string): void {
    if (!this.#output.isTTY || text === this.#shown) return
    this.#shown = text
    this.#output.write(CLEAR + cutText(neutralize(text), this.#output.columns - 1))
  }

  /** Before anything else is printed. */
  clear(): void {
    if (this.#shown !== '') this.#output.write(CLEAR)
    this.#shown = ''
  }

  [Symbol.dispose](): void {
    this.clear()
  }
}

/** What an execution that does not run yet waits for; undefined once it does. */
export function describeProgress({ status, queue, pull, image }: ExecutionView, asked: string): string | undefined {
  if (status === 'accepted') return 'accepted'
  if (status === 'queued') return describeQueue(queue)
  if (status === 'pulling') return describePull(image?.reference ?? asked, pull)
  return status === 'creating' ? 'starting' : undefined
}

function describePull(name: string, pull: ExecutionView['pull']): string {
  if (pull === undefined) return `looking for ${name}`
  return `pulling ${name}: ${formatBytes(pull.bytes)} of ${formatBytes(pull.total)}`
}

function describeQueue(queue: ExecutionView['queue']): string {
  if (queue === undefined) return 'queued'
  const { position, reason } = queue
  return position === undefined ? `queued: ${reason}` : `queued, position ${position}: ${reason}`
}
