import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

export const UNIT_FILE: string = resolve(import.meta.dirname, '../../deploy/errand.service')

/** The settings of the unit file that we ship, by name. */
export class UnitFile {
  readonly #settings: ReadonlyMap<string, string>

  private constructor(settings: ReadonlyMap<string, string>) {
    this.#settings = settings
  }

  static async read(): Promise<UnitFile> {
    const text = await readFile(UNIT_FILE, 'utf8')
    const lines = [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']): [string, string] => [key, value])
    return new UnitFile(new Map(lines))
  }

  get(key: string): string {
    const value = this.#settings.get(key)
    if (value === undefined) throw new Error(`the unit file has no ${key}`)
    return value
  }

  /**
   * A command that executes the one after it under what the unit demands, as far as that can be had without systemd: its
   * mounts and its capabilities. Left out are filters of system calls and address families, and what a test machine may not
   * raise: limits, and the place among those that end when memory is short.
   * `needed` folders stay in place where the unit's own /tmp and hidden homes would take them away; of those, `writable`
   * ones stay so.
   */
  sandbox(needed: readonly string[], writable: readonly string[]): string[] {
    const capabilities = this.get('CapabilityBoundingSet').toLowerCase().replaceAll('cap_', '+').replaceAll(' ', ',')
    const mounts = ['unshare', '--mount', '--ipc', '--propagation', 'slave', 'sh', '-euc', MOUNTS, 'sh']
    const rights = ['setpriv', '--no-new-privs', '--inh-caps=-all', `--bounding-set=-all,${capabilities}`, '--']
    return [...mounts, [...needed, ...writable].join('\n'), writable.join('\n'), ...rights]
  }
}

/**
 * What ProtectSystem=strict, ProtectHome, PrivateTmp and ProtectKernelTunables make of the mounts (systemd.exec(5)). $1 and $2
 * are lists of folders, one in each line: those that stay, and those of them that stay writable.
 */
const MOUNTS = `
kept=$1 writable=$2
shift 2
mount -t tmpfs tmpfs /mnt
number=0
for folder in $kept; do
  mkdir /mnt/$number
  mount --bind "$folder" /mnt/$number
  number=$((number + 1))
done
mount -t tmpfs tmpfs /tmp
for folder in /home /root; do mount -t tmpfs tmpfs $folder; done
number=0
for folder in $kept; do
  mkdir -p "$folder"
  mount --bind /mnt/$number "$folder"
  number=$((number + 1))
done
umount -l /mnt
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -o remount,bind,ro /sys
cut -d' ' -f5 /proc/self/mountinfo | while read -r place; do
  case "$place" in /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /tmp) continue ;; esac
  printf '%s' "$writable" | grep -qxF "$place" && continue
  # Mounts of containers go away at any time.
  mount -o remount,bind,ro "$place" 2>/dev/null || ! grep -q " $place " /proc/self/mountinfo
done
exec "$@"
`
