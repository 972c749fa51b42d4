import { ErrandError, type ErrorDetails } from '../core/errors.ts'

/** A bad request for which HTTP has a status of its own. */
export class StatusError extends ErrandError {
  readonly status: 406 | 412 | 413

  constructor(status: 406 | 412 | 413, message: string, details: ErrorDetails) {
    super('validation_failed', message, { details })
    this.status = status
  }
}

export function bodyTooLarge(limitBytes: number): StatusError {
  return new StatusError(413, `the body is larger than ${limitBytes} bytes`, { limitBytes })
}

export function notAcceptable(offered: readonly string[]): StatusError {
  return new StatusError(406, `Accept: this is answered as ${offered.join(', ')} only`, { offered })
}
