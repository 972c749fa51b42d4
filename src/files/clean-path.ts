const MAX_PATH_BYTES = 4095
const MAX_NAME_BYTES = 255
const CONTROL = /\p{Cc}/u

/** One component of a path that means the same to everybody: to a kernel, a terminal and a log. */
export function isPlainName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || CONTROL.test(name)) return false
  return name.isWellFormed() && Buffer.byteLength(name) <= MAX_NAME_BYTES
}

/** The parts of an absolute path, none for `/`; undefined unless every one of them is a plain name. */
export function partsOf(path: string): string[] | undefined {
  if (!path.startsWith('/') || Buffer.byteLength(path) > MAX_PATH_BYTES) return undefined
  const parts = path === '/' ? [] : path.slice(1).split('/')
  return parts.every(isPlainName) ? parts : undefined
}
