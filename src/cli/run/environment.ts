import { ErrandError } from '../../core/errors.ts'
import { readTextFile } from '../body-file.ts'
import { malformed } from '../flag-values.ts'

export interface EnvironmentFlags {
  readonly env?: readonly string[]
  readonly envFile?: readonly string[]
}

/** Variables of the shell that a command was given in. */
export type Shell = Readonly<Record<string, string | undefined>>

type Variable = readonly [name: string, value: string]

/**
 * The variables that a task gets, the last of each name, those of `--env` after those of files; undefined where none is
 * asked for. A `NAME` alone has the value that it has in the shell, and is left out where it has none there.
 * @throws validation_failed; not_found
 */
export async function readEnvironment(
  { env = [], envFile = [] }: EnvironmentFlags,
  shell: Shell,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (env.length + envFile.length === 0) return undefined
  const files = await Promise.all(envFile.map((path) => readFile(path, shell)))
  const own = env.flatMap((text) => readVariable(text, shell, () => malformed('--env', text, 'NAME=VALUE or NAME')))
  return Object.fromEntries([...files.flat(), ...own])
}

/** A variable on each line, as Docker reads them: values are what they are, without quotes; `#` begins a comment. */
async function readFile(path: string, shell: Shell): Promise<Variable[]> {
  const lines = (await readTextFile(path)).split(/\r?\n/).map((line) => line.trimStart())
  return lines.flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return []
    const where = `${path}:${index + 1}`
    const wrong = (): ErrandError => new ErrandError('validation_failed', `${where}: must be NAME=VALUE or NAME`)
    return readVariable(line, shell, wrong)
  })
}

function readVariable(text: string, shell: Shell, wrong: () => ErrandError): Variable[] {
  const [, name = '', value] = /^([^=\s]+)(?:=(.*))?$/s.exec(text) ?? []
  if (name === '') throw wrong()
  const found = value ?? shell[name]
  return found === undefined ? [] : [[name, found]]
}
