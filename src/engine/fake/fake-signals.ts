import { constants } from 'node:os'
import type { SignalName } from '../engine.ts'
import type { FakeScript } from './fake-script.ts'

/** Do nothing to a process that does not catch them, or only stop it. */
const HARMLESS: ReadonlySet<SignalName> = new Set<SignalName>([
  'SIGCHLD',
  'SIGCONT',
  'SIGURG',
  'SIGWINCH',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
])

/** For signals other than SIGKILL. */
export function isIgnored({ ignores = [] }: FakeScript, name: SignalName): boolean {
  return ignores === 'all' || ignores.includes(name)
}

/** What a signal does that is neither ignored nor caught. */
export function isDeadly(name: SignalName): boolean {
  return !HARMLESS.has(name)
}

/** Of a process that a signal has ended, as shells and Docker tell it. */
export function exitCodeOf(name: SignalName): number {
  return 128 + constants.signals[name]
}
