/** What a token allows. `admin` includes every other, and makes all callers' executions its own. */
export type Scope = (typeof SCOPES)[number]

export const SCOPES = [
  /** Look at one's own executions, tasks and instances, at events and at the node. */
  'read',
  /** Begin executions; end, pause, enter and remove one's own. Define and invoke tasks; remove one's own, and instances. */
  'submit',
  /** Pause and unpause the node. */
  'operate',
  'admin',
] as const

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text)
}
