import type { IncomingMessage } from 'node:http'
import type { Caller } from '../core/caller.ts'
import { ErrandError } from '../core/errors.ts'
import type { Scope } from './contract/scope.ts'

/** Who asks over HTTP, and what they may. */
export interface Principal {
  readonly caller: Caller
  readonly scopes: ReadonlySet<Scope>
}

/** Tells who sent a request. @throws unauthenticated; storage_error when nobody can be told from anybody */
export type Authenticate = (request: IncomingMessage) => Promise<Principal>

/** Whoever may open the unix socket. The same caller as that of the library: no token can have its name. */
export const OPERATOR: Principal = { caller: { id: 'local' }, scopes: new Set<Scope>(['admin']) }

export const authenticatePeer: Authenticate = async () => OPERATOR

/** @throws forbidden */
export function requireScope({ scopes }: Principal, scope: Scope): void {
  if (scopes.has(scope) || scopes.has('admin')) return
  throw new ErrandError('forbidden', `this needs a token with the scope ${scope}`, { details: { scope } })
}

export function seesAll({ scopes }: Principal): boolean {
  return scopes.has('admin')
}
