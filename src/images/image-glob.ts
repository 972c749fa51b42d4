/**
 * A test for full names of images (`docker.io/library/alpine:3`): `*` stands for anything but a slash, `**` for anything.
 * A glob without a tag means every tag and digest.
 */
export function imageGlob(glob: string): (name: string) => boolean {
  const source = glob
    .toLowerCase()
    .split(/(\*\*|\*)/)
    .map((part) => WILDCARDS[part] ?? part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('')
  const pattern = new RegExp(`^${source}(:[^/]*|@[^/]*)?$`)
  return (name) => pattern.test(name.toLowerCase())
}

const WILDCARDS: Readonly<Record<string, string>> = { '*': '[^/]*', '**': '.*' }
