import { PRESETS, type PresetName } from '../../core/presets.ts'
import { signalOfExit } from '../../core/signal-number.ts'
import type { Trial } from './trial.ts'

/** The rule of a profile that an image ran into. */
export type Rule =
  | 'command'
  | 'memory'
  | 'shared memory'
  | 'seccomp'
  | 'threads'
  | 'full /tmp'
  | 'no execution in /tmp'
  | 'read-only'
  | 'port below 1024'
  | 'user'
  | 'capability'
  | 'network'
  | 'permission'
  | 'exit'

/** What is known of a trial that failed. */
export interface Verdict {
  readonly rule: Rule
  readonly found: string
  readonly advice: string
  /** What would mend it, to be tried: the likeliest first. */
  readonly presets: readonly PresetName[]
}

interface RuleRow {
  readonly rule: Rule
  readonly isHit: (trial: Trial) => boolean
  readonly found: string
  readonly advice: string
  readonly presets?: readonly PresetName[]
}

/**
 * How programs say what they miss: there is no other sign of it. The surest and the most special first. A false guess costs
 * one trial more, for each preset is tried before it is named.
 */
const ROWS: readonly RuleRow[] = [
  {
    rule: 'command',
    isHit: ({ lacksCommand }) => lacksCommand,
    found: 'the command of the image cannot be executed',
    advice: 'name a program that is in the image, for this processor, and executable',
  },
  {
    rule: 'memory',
    isHit: ({ exit }) => exit?.isOomKilled === true,
    found: 'it was killed for want of memory',
    advice: 'ask for more memory, and try with --memory',
  },
  {
    rule: 'shared memory',
    isHit: (trial) => diedOf(trial, 'SIGBUS') || says(trial, /resize shared memory segment|\/dev\/shm/),
    found: '/dev/shm of 16 MiB is too small',
    advice: 'ask for a larger /dev/shm',
    presets: ['big-shm', 'postgres'],
  },
  {
    rule: 'seccomp',
    isHit: (trial) => diedOf(trial, 'SIGSYS'),
    found: 'it was killed for a system call that seccomp does not allow',
    advice: 'no profile allows it: use a build of the program that does without',
  },
  {
    rule: 'threads',
    isHit: (trial) =>
      says(trial, /can't start new thread|pthread_create|unable to create .*thread|cannot fork|\bEAGAIN\b/i),
    found: 'it may have no more processes and threads',
    advice: 'start fewer, or ask for more pids',
    presets: ['many-threads'],
  },
  {
    rule: 'full /tmp',
    isHit: (trial) => says(trial, /No space left on device|\bENOSPC\b/i),
    found: 'a folder in memory is full',
    advice: 'write less to /tmp',
    presets: ['scratch-heavy', 'big-shm'],
  },
  {
    rule: 'read-only',
    isHit: (trial) => says(trial, /Read-only file system|\bEROFS\b/i),
    found: 'it writes to its root file system, which is read-only',
    advice: 'have it write to /tmp or $HOME',
    presets: ['web-server', 'postgres', 'root-init'],
  },
  {
    rule: 'no execution in /tmp',
    isHit: (trial) =>
      says(trial, /(permission denied|\bEACCES\b).*\/tmp|\/tmp.*(permission denied|\bEACCES\b)|failed to map segment/i),
    found: 'it runs a program that it has put into /tmp',
    advice: 'put the program into the image',
    presets: ['scratch-exec'],
  },
  {
    rule: 'port below 1024',
    isHit: (trial) =>
      says(
        trial,
        /(bind|listen).*(permission denied|\bEACCES\b)|(permission denied|\bEACCES\b).*(bind|listen|:\d{1,3}\b)/i,
      ),
    found: 'it may not listen on a port below 1024',
    advice: 'have it listen on 8080',
    presets: ['root-init'],
  },
  {
    rule: 'user',
    isHit: (trial) =>
      says(
        trial,
        /effective user ID|no such user|unknown user|no matching entries in passwd|getpwuid|must be run as root|run .*as root/i,
      ),
    found: 'it does not run as a user that it does not know',
    advice: 'name a user of the image: user: "UID:GID"',
    presets: ['root-init'],
  },
  {
    rule: 'capability',
    isHit: (trial) => says(trial, /operation not permitted|\bEPERM\b|could not change permissions/i),
    found: 'it needs a capability that its profile does not give',
    advice: 'start it as the user that it serves as',
    presets: ['postgres', 'web-server', 'root-init'],
  },
  {
    rule: 'network',
    isHit: (trial) =>
      says(
        trial,
        /name resolution|\bENOTFOUND\b|\bEAI_AGAIN\b|network is unreachable|\bENETUNREACH\b|could not resolve host/i,
      ),
    found: 'it needs a network, and is tried without',
    advice: 'ask for network: internal or egress',
  },
  {
    rule: 'permission',
    isHit: (trial) => says(trial, /permission denied|\bEACCES\b/i),
    found: 'it may not open something as the user that it runs as',
    advice: 'open it to that user in the image',
    presets: ['root-init'],
  },
]

/** Names the rule that a trial ran into; undefined for one that went well. Pure. */
export function judge(trial: Trial): Verdict | undefined {
  const { exit, lacksCommand } = trial
  if (!lacksCommand && (exit === undefined || exit.exitCode === 0)) return undefined
  const row = ROWS.find(({ isHit }) => isHit(trial))
  const last = lastLine(trial.output)
  const said = last === '' ? '' : `: ${last}`
  if (row !== undefined) {
    const { rule, found, advice } = row
    return { rule, found: `${found}${said}`, advice, presets: presetsFor(trial, row) }
  }
  const how = describeExit(exit?.exitCode ?? -1)
  const advice = 'look at what it prints, and at what it needs: arguments, files, a network'
  return { rule: 'exit', found: `${how}${said}`, advice, presets: [] }
}

/** What grants no more than the profile is of no use. */
function presetsFor({ profile }: Trial, { presets = [] }: RuleRow): readonly PresetName[] {
  return profile === 'strict' ? presets : presets.filter((name) => PRESETS[name].profile === undefined)
}

function describeExit(exitCode: number): string {
  const signal = signalOfExit(exitCode)
  return signal === undefined ? `it ended with exit status ${exitCode}` : `it died of ${signal}`
}

function diedOf({ exit }: Trial, signal: string): boolean {
  return exit !== undefined && signalOfExit(exit.exitCode) === signal
}

function says({ output }: Trial, words: RegExp): boolean {
  return output.split('\n').some((line) => words.test(line))
}

const MOST_SAID = 200

function lastLine(output: string): string {
  const lines = output.split('\n').map((line) => line.trim())
  return lines.findLast((line) => line !== '')?.slice(0, MOST_SAID) ?? ''
}
