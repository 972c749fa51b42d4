import type { IncomingMessage } from 'node:http'

const OVERDUE = 'errand:overdue'

/**
 * A listener gives every request so much time to be sent whole. One whose body is read for as long as it goes on says so
 * here: whoever reads it sees to it that it does.
 */
export function allowLongUpload(request: IncomingMessage): void {
  request.on(OVERDUE, () => {})
}

/** Whether a request that has had its time may take longer. */
export function isLongUpload(request: IncomingMessage): boolean {
  return request.listenerCount(OVERDUE) > 0
}
