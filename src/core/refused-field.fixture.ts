import { ErrandError } from './errors.ts'

/** For `assert.throws`: whether this field, and no other, is refused. */
export function refusesField(field: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof ErrandError) || error.code !== 'validation_failed') return false
    const { problems = [] } = error.details as { readonly problems?: readonly { readonly path: string }[] }
    return problems.length === 1 && problems[0]?.path === field
  }
}
