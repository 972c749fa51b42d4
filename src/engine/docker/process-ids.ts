import { readdir, readFile, readlink } from 'node:fs/promises'

/** The namespace of process ids that the machine began with; its number is fixed (linux/proc_ns.h). */
const FIRST_NAMESPACE = 'pid:[4026531836]'

/**
 * Whether a Docker Engine on this host finds a process under the id that it has here: true outside of containers, and in
 * one that an Engine runs in too, which is seen there under a single id.
 */
export async function sharesProcessIds(): Promise<boolean> {
  if ((await readlink('/proc/self/ns/pid').catch(() => '')) === FIRST_NAMESPACE) return true
  const names = await readdir('/proc')
  const statuses = names
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))
  return (await Promise.all(statuses)).some(
    (status) => /^Name:\tdockerd$/m.test(status) && /^NSpid:\t\d+$/m.test(status),
  )
}
