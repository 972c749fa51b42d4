import { FAULT_POINTS, type Fault, parseFault } from '../faults/fault.ts'
import type { ConfigProblem } from './config-error.ts'
import type { ConfigHost } from './host.ts'

const VARIABLE = 'ERRAND_FAULT'

interface ReadFault {
  readonly fault: Fault | undefined
  readonly problems: readonly ConfigProblem[]
}

/** Nobody's environment ends a daemon by accident: the variable counts only beside its flag, and stops the start without. */
export function readFault(environment: ConfigHost['environment'], isEnabled: boolean): ReadFault {
  const text = environment[VARIABLE] ?? ''
  if (text === '') return { fault: undefined, problems: [] }
  if (!isEnabled) return refused('is for tests of crashes, and needs the flag --enable-faults')
  const fault = parseFault(text)
  if (fault !== undefined) return { fault, problems: [] }
  return refused(`must be before:POINT:kill9 or after:POINT:kill9, with one of ${FAULT_POINTS.join(', ')}`)
}

function refused(message: string): ReadFault {
  const origin = { kind: 'environment', name: VARIABLE } as const
  return { fault: undefined, problems: [{ origin, key: undefined, message }] }
}
