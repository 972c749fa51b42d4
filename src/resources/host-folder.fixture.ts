import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ProcRoots } from './cgroup-cpu.ts'

/** A folder that looks like the /proc and /sys/fs/cgroup of a host, for tests. Disposing removes it. */
export class HostFolder implements ProcRoots, Disposable {
  readonly #root: string = mkdtempSync(join(tmpdir(), 'errand-host-'))
  readonly procRoot: string = join(this.#root, 'proc')
  readonly cgroupRoot: string = join(this.#root, 'cgroup')

  /** Writes a file below the folder, such as `proc/meminfo`. */
  write(path: string, text: string): void {
    const file = join(this.#root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }

  remove(path: string): void {
    rmSync(join(this.#root, path), { recursive: true })
  }

  /** Ticks of 10 ms since boot, on two CPUs; half of the busy ones are of user and half of system time. */
  writeTicks(busy: number, idle: number): void {
    const cpu = `${busy / 2} 0 ${busy / 2} ${idle} 0 0 0 0 0 0`
    this.write('proc/stat', `cpu  ${cpu}\ncpu0 ${cpu}\ncpu1 ${cpu}\nintr 1 2 3\nctxt 4\n`)
  }

  writeMemory(totalKib: number, availableKib: number): void {
    const lines = [`MemTotal:       ${totalKib} kB`, 'MemFree:        7 kB', `MemAvailable:   ${availableKib} kB`, '']
    this.write('proc/meminfo', lines.join('\n'))
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}
