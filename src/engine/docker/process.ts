import { ErrandError } from '../../core/errors.ts'
import type { SandboxSpec } from '../engine.ts'
import type { ImageConfig } from './image-config.ts'
import { strictUser } from './profile.ts'

/** What runs, in the Engine's fields; what is not said is the image's. An empty list says nothing. */
export function processFields({ process, profile }: SandboxSpec, image: ImageConfig): Record<string, unknown> {
  const { prefix = [], entrypoint = [], cmd = [], workingDir, user } = process
  return {
    ...(prefix.length > 0 ? prefixed(prefix, wholeCommand(entrypoint, cmd, image)) : {}),
    ...(prefix.length === 0 && entrypoint.length > 0 ? { Entrypoint: entrypoint } : {}),
    ...(prefix.length === 0 && cmd.length > 0 ? { Cmd: cmd } : {}),
    ...(workingDir === undefined ? {} : { WorkingDir: workingDir }),
    ...(profile === 'strict' ? { User: strictUser(process) } : user === undefined ? {} : { User: user }),
  }
}

function prefixed(prefix: readonly string[], command: readonly string[]): Record<string, unknown> {
  if (command.length > 0) return { Entrypoint: prefix, Cmd: command }
  throw new ErrandError('image_invalid', 'neither the image nor the request says what to run')
}

/** As the Engine would put it together. */
function wholeCommand(entrypoint: readonly string[], cmd: readonly string[], image: ImageConfig): string[] {
  if (entrypoint.length > 0) return [...entrypoint, ...cmd]
  return [...image.entrypoint, ...(cmd.length > 0 ? cmd : image.cmd)]
}
