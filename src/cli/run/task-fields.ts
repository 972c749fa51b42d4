import type { Fields } from '../body-file.ts'
import { readNumber, readPairs, readWholeNumber } from '../flag-values.ts'
import { type EnvironmentFlags, readEnvironment, type Shell } from './environment.ts'

/** What is said of a task, whether it runs once or answers under a name. Everything as it was written. */
export interface TaskFlags extends EnvironmentFlags {
  readonly cpu?: string
  readonly mem?: string
  readonly disk?: string
  readonly pids?: string
  readonly gpus?: readonly string[]
  readonly isolation?: string
  readonly sgx?: boolean
  readonly profile?: string
  readonly preset?: string
  readonly network?: string
  readonly entrypoint?: string
  readonly workdir?: string
  readonly user?: string
}

/** The fields of a task that a command line says, as /v1 takes them. @throws validation_failed; not_found for a file */
export async function taskFields(
  image: string | undefined,
  command: readonly string[],
  flags: TaskFlags,
  shell: Shell,
): Promise<Fields> {
  const env = await readEnvironment(flags, shell)
  return {
    ...(image !== undefined && { image }),
    ...commandOf(command, flags),
    ...(env !== undefined && { env }),
    ...surroundingsOf(flags),
  }
}

function commandOf(command: readonly string[], { entrypoint, workdir, user }: TaskFlags): Fields {
  return {
    ...(command.length > 0 && { cmd: command }),
    ...(entrypoint !== undefined && { entrypoint: entrypoint === '' ? [] : [entrypoint] }),
    ...(workdir !== undefined && { workingDir: workdir }),
    ...(user !== undefined && { user }),
  }
}

function surroundingsOf({ isolation, sgx, profile, preset, network, ...flags }: TaskFlags): Fields {
  const { cpu, mem, disk, pids, gpus } = flags
  const resources = {
    ...(cpu !== undefined && { cpu: readNumber('--cpu', cpu) }),
    ...(mem !== undefined && { memory: mem }),
    ...(disk !== undefined && { disk }),
    ...(pids !== undefined && { pids: readWholeNumber('--pids', pids) }),
    ...(gpus !== undefined && { gpus: gpus.map(readGpus) }),
  }
  return {
    ...(Object.keys(resources).length > 0 && { resources }),
    ...(isolation !== undefined && { isolation }),
    ...(sgx === true && { sgx }),
    ...(profile !== undefined && { profile }),
    ...(preset !== undefined && { preset }),
    ...(network !== undefined && { network }),
  }
}

/** `2`, or `vendor=nvidia,count=2`: fields of a request for GPUs, as /v1 names them. */
function readGpus(text: string): object {
  if (/^[0-9]+$/.test(text)) return { count: Number(text) }
  const { count, ...rest } = readPairs('--gpus', text.split(','))
  return { ...(count !== undefined && { count: readNumber('--gpus', count) }), ...rest }
}
