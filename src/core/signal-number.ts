import { constants } from 'node:os'

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)

/** What shells and engines add to the number of the signal that a process died of. */
const SIGNAL_EXIT_BASE = 128

/** The signal that an exit code tells of, by the convention of shells and engines; undefined when it tells none. */
export function signalOfExit(exitCode: number): string | undefined {
  return NAMES.get(exitCode - SIGNAL_EXIT_BASE)
}

export function isSignalName(text: string): text is NodeJS.Signals {
  return Object.hasOwn(constants.signals, text)
}
