import { ErrandError } from '../../core/errors.ts'

/** The node has an execution, or may have it, and what became of it cannot be known from here. */
export class FateUnknown extends ErrandError {
  constructor(id: string, thrown: unknown) {
    const { code, message, details } = ErrandError.from(thrown)
    super(code, `${message}; what became of it is not known: errand inspect ${id}`, { details, cause: thrown })
  }
}
