import { readNumber, readPairs } from '../flag-values.ts'

/** What is said of a task, whether it runs once or answers under a name. Everything as it was written. */
export interface TaskFlags {
  readonly env?: readonly string[]
  readonly cpu?: string
  readonly mem?: string
  readonly disk?: string
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

/** The fields of a task, as /v1 takes them. @throws validation_failed */
export function taskFields(image: string, command: readonly string[], flags: TaskFlags): { readonly image: string } {
  return { image, ...commandOf(command, flags), ...surroundingsOf(flags) }
}

function commandOf(command: readonly string[], { entrypoint, env, workdir, user }: TaskFlags): object {
  return {
    ...(command.length > 0 && { cmd: command }),
    ...(entrypoint !== undefined && { entrypoint: entrypoint === '' ? [] : [entrypoint] }),
    ...(env !== undefined && { env: readPairs('--env', env) }),
    ...(workdir !== undefined && { workingDir: workdir }),
    ...(user !== undefined && { user }),
  }
}

function surroundingsOf({ isolation, sgx, profile, preset, network, cpu, mem, disk, gpus }: TaskFlags): object {
  const resources = {
    ...(cpu !== undefined && { cpu: readNumber('--cpu', cpu) }),
    ...(mem !== undefined && { memory: mem }),
    ...(disk !== undefined && { disk }),
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
