import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'

/** Two megabytes; prints the usual mark and answers every request with its version. */
export interface VersionedTask extends AsyncDisposable {
  /** The image's id; it has no name. */
  readonly id: string
}

/** Builds an image that no other test has. Disposing removes it, unless something has given it a name. */
export async function buildTask(version: string): Promise<VersionedTask> {
  const base = await ensureImage('busybox')
  const folder = await mkdtemp(join(tmpdir(), 'errand-task-'))
  const answer = `#!/bin/sh\nprintf 'content-type: text/plain\\r\\n\\r\\n${version}'\n`
  const script = 'echo meca-init-done; exec httpd -f -p 8080 -h /www'
  const dockerfile = [
    `FROM ${base}`,
    'COPY index.cgi /www/cgi-bin/index.cgi',
    `LABEL unique=${folder}`,
    `CMD ["sh", "-c", "${script}"]`,
  ]
  try {
    await writeFile(join(folder, 'index.cgi'), answer, { mode: 0o755 })
    await writeFile(join(folder, 'Dockerfile'), dockerfile.join('\n'))
    const id = await run('docker', ['build', '--quiet', folder])
    return {
      id,
      async [Symbol.asyncDispose]() {
        await run('docker', ['rmi', '--force', id]).catch(() => {}) // collected already, or gone with its last name
      },
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
