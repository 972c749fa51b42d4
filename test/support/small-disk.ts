import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A disk of a few MiB, for what happens when it is full. Root alone can have one. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string
  readonly #filler: string

  private constructor(path: string) {
    this.path = path
    this.#filler = join(path, 'filler')
  }

  /** With room for so many `files` and folders, where that is given. */
  static async mount(mebibytes: number, files?: number): Promise<SmallDisk> {
    const path = await mkdtemp(join(tmpdir(), 'errand-disk-'))
    const names = files === undefined ? '' : `,nr_inodes=${files}`
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700${names}`, 'errand-test', path])
    return new SmallDisk(path)
  }

  /** Leaves nothing, or so many bytes. */
  async fill(freeBytes = 0): Promise<void> {
    const { bavail, bsize } = await statfs(this.path)
    await run('fallocate', ['-l', String(bavail * bsize - freeBytes), this.#filler])
  }

  /** Leaves room for no other file or folder, however small. */
  async fillNames(): Promise<void> {
    await mkdir(this.#filler)
    for (let name = 0; ; name += 1) {
      try {
        await writeFile(join(this.#filler, String(name)), '')
      } catch {
        return
      }
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler, { recursive: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', [this.path])
    await rm(this.path, { recursive: true })
  }
}

/** A disk that turns read-only under whoever uses it, as one does that has failed. Root alone can have one. */
export class FailingDisk implements AsyncDisposable {
  readonly path: string
  readonly #image: string
  readonly #device: string

  private constructor(path: string, image: string, device: string) {
    this.path = path
    this.#image = image
    this.#device = device
  }

  static async mount(mebibytes: number): Promise<FailingDisk> {
    const path = await mkdtemp(join(tmpdir(), 'errand-disk-'))
    const image = `${path}.img`
    await run('truncate', ['-s', `${mebibytes}M`, image])
    await run('mkfs.ext4', ['-q', image])
    const { stdout } = await run('losetup', ['-f', '--show', image])
    const device = stdout.trim()
    await run('mount', ['-o', 'errors=remount-ro', device, path])
    return new FailingDisk(path, image, device)
  }

  /** As ext4 does when it finds an error: from now on nothing can be written. */
  async fail(): Promise<void> {
    await writeFile(`/sys/fs/ext4/${basename(this.#device)}/trigger_fs_error`, 'test')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', [this.path])
    await run('losetup', ['-d', this.#device])
    await rm(this.path, { recursive: true })
    await rm(this.#image)
  }
}

/** A folder that nothing can be written to or removed from while this is held, as on a disk that has failed. Root alone can have one. */
export async function holdReadOnly(path: string): Promise<AsyncDisposable> {
  await run('mount', ['--bind', path, path])
  await run('mount', ['-o', 'remount,bind,ro', path])
  return {
    async [Symbol.asyncDispose]() {
      await run('umount', [path])
    },
  }
}
