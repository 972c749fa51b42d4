/** Who asks. Part of every request and task key: instances are never shared between callers. */
export interface Caller {
  readonly id: string
}
