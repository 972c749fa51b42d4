/** The path of one container in the Engine's API, or of something that it offers. */
export function containerPath(nameOrId: string, action = ''): string {
  return `/containers/${encodeURIComponent(nameOrId)}${action}`
}
