/** What a token allows. `admin` includes every other, and makes all callers' executions its own. */
export type Scope = (typeof SCOPES)[number]

export const SCOPES = [
  /** Look at one's own executions, at events and at the node. */
  'read',
  /** Begin executions; end, pause, enter and remove one's own. */
  'submit',
  /** Pause and unpause the node. */
  'operate',
  'admin',
] as const

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text)
}
