import { ErrandError } from '../core/errors.ts'
import { MIB } from '../core/resources.ts'
import type { Config } from '../daemon/config/config.ts'
import type { ConfigFlags } from '../daemon/config/flags.ts'
import { loadConfig } from '../daemon/config/load.ts'
import { type Diagnosis, type DiagnosisDeps, diagnose } from '../daemon/doctor/diagnose.ts'
import type { FindingLevel } from '../daemon/doctor/finding.ts'
import type { Preflight, PreflightTerms } from '../daemon/doctor/preflight.ts'
import { preflightImage } from '../daemon/doctor/preflight-image.ts'
import { thisMachine } from '../daemon/doctor/this-machine.ts'
import { parseBytes } from '../util/quantity.ts'
import { EXIT } from './exit-status.ts'
import { formatCount } from './output/format.ts'
import { printJson } from './output/json.ts'
import { neutralize } from './output/neutralize.ts'
import { type Style, style } from './output/style.ts'
import { wrapText } from './output/wrap-text.ts'
import { StopSignals } from './stop-signals.ts'
import type { Output, Terminal } from './terminal.ts'

export interface DoctorFlags extends ConfigFlags {
  readonly json?: boolean
  readonly image?: string
  readonly profile?: 'standard' | 'strict'
  readonly memory?: string
}

/** Where the answers come from; a test brings its own. */
export interface DoctorDeps {
  readonly machine: (signal: AbortSignal) => DiagnosisDeps
  readonly preflight: (config: Config, terms: PreflightTerms, signal: AbortSignal) => Promise<Preflight>
}

const THIS_MACHINE: DoctorDeps = { machine: thisMachine, preflight: preflightImage }
const TRIAL_MS = 5000

/**
 * Says whether this machine, or an image on it, is fit for Errand. Resolves with the exit status.
 * @throws ConfigError, and as `preflightImage`, for an image
 */
export async function runDoctor(
  flags: DoctorFlags,
  terminal: Terminal,
  deps: DoctorDeps = THIS_MACHINE,
): Promise<number> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { json, image, profile, memory, ...configFlags } = flags
  if (image !== undefined) {
    const { config } = loadConfig(configFlags, terminal.host)
    const terms = {
      image,
      profile: profile ?? config.executions.profile,
      memoryBytes: memoryOf(memory),
      forMs: TRIAL_MS,
    }
    const found = await deps.preflight(config, terms, signals.signal)
    if (json === true) printJson(terminal.stdout, found)
    else reportPreflight(found, terminal.stdout)
    return found.outcome === 'failed' ? EXIT.problem : EXIT.ok
  }
  const diagnosis = await diagnose(configFlags, terminal.host, deps.machine(signals.signal), signals.signal)
  if (json === true) printJson(terminal.stdout, diagnosis)
  else report(diagnosis, terminal.stdout)
  return diagnosis.findings.some(({ level }) => level === 'problem') ? EXIT.problem : EXIT.ok
}

function memoryOf(text = '128MiB'): number {
  const bytes = parseBytes(text)
  if (bytes !== undefined && bytes >= 6 * MIB) return bytes
  throw new ErrandError('validation_failed', `--memory: must be a size such as 256MiB, from 6MiB up, not ${text}`)
}

/** What matters most comes last, where the prompt is. */
const LEVELS: readonly FindingLevel[] = ['ok', 'warning', 'problem']
const STYLES: Record<FindingLevel | 'yes' | 'no', Style> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
  yes: 'green',
  no: 'yellow',
}
const INDENT = ' '.repeat(9)

function report({ findings, isolations }: Diagnosis, stdout: Output): void {
  const sorted = LEVELS.flatMap((level) => findings.filter((finding) => finding.level === level))
  for (const { isolation, isOffered, why } of isolations) {
    printRow(isOffered ? 'yes' : 'no', `isolation ${isolation}: ${why}`, stdout)
  }
  for (const { check, level, found, advice } of sorted) printRow(level, `${check}: ${found}`, stdout, advice)
  const count = (level: FindingLevel) => findings.filter((finding) => finding.level === level).length
  const found = (['warning', 'problem'] as const).map((level) => formatCount(count(level), level))
  stdout.write(`\n${[`${count('ok')} ok`, ...found].join(', ')}\n`)
}

function reportPreflight({ image, profile, outcome, rule, found, advice }: Preflight, stdout: Output): void {
  const hit = rule === undefined ? '' : ` (${rule})`
  printRow(outcome === 'failed' ? 'problem' : 'ok', `${image} under ${profile}${hit}: ${found}`, stdout, advice)
}

function printRow(mark: keyof typeof STYLES, text: string, stdout: Output, advice?: string): void {
  const fit = (line: string) => wrapText(neutralize(line), stdout.columns - INDENT.length).join(`\n${INDENT}`)
  stdout.write(`${style(STYLES[mark], mark.padEnd(INDENT.length), stdout)}${fit(text)}\n`)
  if (advice !== undefined) stdout.write(`${INDENT}${style('bold', fit(`-> ${advice}`), stdout)}\n`)
}
