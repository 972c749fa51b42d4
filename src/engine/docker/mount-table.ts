/** The mount that a path lies on. */
export interface Mount {
  /** Of the file system, as `prjquota`. */
  readonly options: readonly string[]
  /** What is mounted below it later, by others, appears here too. */
  readonly isJoined: boolean
}

/**
 * Looks a path up in the text of `/proc/PID/mountinfo`: the deepest mount above it, and the last of those. Its lines are
 * `ID PARENT DEVICE ROOT PLACE OPTIONS [shared:N] [master:N] ... - TYPE SOURCE OPTIONS`.
 */
export function mountOf(path: string, mountTable: string): Mount | undefined {
  const above = mountTable
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , , place = '']) => place !== '' && `${path}/`.startsWith(place === '/' ? '/' : `${place}/`))
  const fields = above.toSorted((a, b) => (a[4] ?? '').length - (b[4] ?? '').length).at(-1)
  if (fields === undefined) return undefined
  const optional = fields.slice(6, fields.indexOf('-'))
  return {
    options: (fields.at(-1) ?? '').split(','),
    isJoined: optional.some((field) => /^(shared|master):/.test(field)),
  }
}
