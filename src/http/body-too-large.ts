import { ErrandError } from '../core/errors.ts'

/** HTTP has a status of its own for it: 413. */
export class BodyTooLarge extends ErrandError {
  constructor(limitBytes: number) {
    super('validation_failed', `the body is larger than ${limitBytes} bytes`, { details: { limitBytes } })
  }
}
