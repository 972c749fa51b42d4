import { chmod, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProvisionScript } from '../core/provision-script.ts'
import { invalidField } from '../core/read-value.ts'
import type { SandboxMount } from '../engine/sandbox-spec.ts'

const TARGET = '/errand/provision'
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/
const MAX_SCRIPTS = 100
const MAX_BYTES = 1024 * 1024

/**
 * Runs the scripts one after the other and then becomes the job, which so keeps the process id, the signals and the argv
 * that it would have had. Scripts and their arguments are words of this file, quoted; none is ever parsed again. It sets
 * no variable, which would change the job's environment where that has one of the name.
 */
const RUNNER_HEAD = `#!/bin/sh
provision() {
  (shift; exec "$@") && return
  set -- "$?" "$1"
  echo "errand: provision script \\"$2\\" exited with $1" >&2
  exit "$1"
}
`
const RUNNER_TAIL = 'exec "$@"\n'

/** What the runner prints when a script fails. */
const FAILURE = /^errand: provision script "([a-zA-Z0-9][a-zA-Z0-9._-]{0,62})" exited with (\d{1,3})$/

export interface Provision {
  readonly mount: SandboxMount
  /** Goes before the job's whole argv, entrypoint and command. */
  readonly entrypointPrefix: readonly string[]
}

/** @throws validation_failed for names, sizes and arguments that cannot be, and for two scripts of one name */
export function checkProvision(scripts: readonly ProvisionScript[]): void {
  if (scripts.length > MAX_SCRIPTS) refuse('provisionScripts', `there can be at most ${MAX_SCRIPTS}`)
  const seen = new Set<string>()
  for (const [index, { name, content, args = [] }] of scripts.entries()) {
    const field = `provisionScripts.${index}`
    if (!NAME.test(name)) refuse(`${field}.name`, `must match ${NAME.source}`)
    if (seen.has(name)) refuse(`${field}.name`, 'is the name of another script too')
    seen.add(name)
    if (Buffer.byteLength(content) > MAX_BYTES) refuse(`${field}.content`, `must be at most ${MAX_BYTES} bytes`)
    if (args.some((arg) => arg.includes('\0'))) refuse(`${field}.args`, 'must not hold NUL')
  }
}

function refuse(field: string, problem: string): never {
  throw invalidField(field, problem)
}

/**
 * Writes the scripts and what runs them into `folder`, which must not exist yet; whoever calls removes it. The image needs
 * a POSIX `/bin/sh`. Nothing is written in the sandbox: it works for every user and on read-only root file systems.
 * @throws validation_failed as `checkProvision`
 */
export async function writeProvision(folder: string, scripts: readonly ProvisionScript[]): Promise<Provision> {
  checkProvision(scripts)
  await makeFolder(folder)
  await makeFolder(join(folder, 'scripts'))
  for (const { name, content } of scripts) await writeExecutable(join(folder, 'scripts', name), content)
  await writeExecutable(join(folder, 'run'), runnerOf(scripts))
  return {
    mount: { kind: 'bind', source: folder, target: TARGET, isReadOnly: true },
    entrypointPrefix: ['/bin/sh', `${TARGET}/run`],
  }
}

/** The modes are set apart from the making, which the process's umask narrows. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  await chmod(path, 0o755)
}

async function writeExecutable(path: string, content: string | Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o700)
  await file.writeFile(content)
  await file.chmod(0o555)
}

function runnerOf(scripts: readonly ProvisionScript[]): string {
  const lines = scripts.map((script) => ['provision', ...wordsOf(script)].map(quote).join(' '))
  return [RUNNER_HEAD, ...lines.map((line) => `${line}\n`), RUNNER_TAIL].join('')
}

/** A script that names its interpreter is the kernel's to execute. */
function wordsOf({ name, content, args = [] }: ProvisionScript): string[] {
  const path = `${TARGET}/scripts/${name}`
  return Buffer.from(content).subarray(0, 2).toString('latin1') === '#!'
    ? [name, path, ...args]
    : [name, '/bin/sh', path, ...args]
}

/** In single quotes nothing is special to a shell, but the quote. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/**
 * The script that ended an execution, told by the last line of its stderr; undefined when the job itself ended so. A job
 * that prints such a line is taken at its word: it says nothing but that it failed itself.
 */
export function provisionFailure(
  exitCode: number,
  stderrTail: string,
): { script: string; exitCode: number } | undefined {
  const line = stderrTail.trimEnd().split('\n').at(-1) ?? ''
  const [, script, code] = FAILURE.exec(line) ?? []
  if (script === undefined || exitCode === 0 || Number(code) !== exitCode) return undefined
  return { script, exitCode }
}
