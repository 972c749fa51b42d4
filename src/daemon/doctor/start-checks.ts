import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import type { EngineSurvey } from '../../engine/engine-survey.ts'
import { describeListenAddress, type ListenerConfig } from '../../http/listener-config.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import type { HostLook } from './host-look.ts'

// What ends a start at once. A daemon that is at work has come past it, and holds what is looked at here.

const AT_WORK = 'not looked at: a daemon is at work'

export async function checkListeners(
  listeners: readonly ListenerConfig[],
  isAtWork: boolean,
  assertListenable: (listener: ListenerConfig) => Promise<void>,
): Promise<Finding> {
  if (isAtWork) return ok('listen', AT_WORK)
  const refusals: string[] = []
  for (const listener of listeners) {
    await assertListenable(listener).catch((error: unknown) => refusals.push(ErrandError.from(error).message))
  }
  if (refusals.length === 0)
    return ok('listen', listeners.map(({ address }) => describeListenAddress(address)).join(', '))
  return problem('listen', refusals.join('; '), 'stop what is there, or say in listen where else, and with which tls')
}

/** `inspect` throws what a start would be refused for, and resolves with whether it could look. */
export async function checkJournal(
  look: HostLook,
  stateDir: string,
  isAtWork: boolean,
  inspect: (path: string) => Promise<boolean>,
): Promise<Finding> {
  const path = join(stateDir, 'journal.db')
  if (isAtWork) return ok('journal', AT_WORK)
  if ((await look.stat(stateDir)) === undefined) return ok('journal', 'none yet')
  try {
    return ok('journal', (await inspect(path)) ? 'sound' : 'not looked at: it is too large to be copied')
  } catch (error) {
    if (!(error instanceof Error) || 'errno' in error)
      return warning('journal', `${path} cannot be read`, 'run as its owner')
    return problem('journal', `${path}: ${error.message}`, 'errand repair, or the version that it is of')
  }
}

/** Nothing where no network was named. */
export function checkNamedNetwork({ namedNetwork }: EngineSurvey): Finding[] {
  if (namedNetwork === undefined) return []
  const { name, refusal } = namedNetwork
  if (refusal === undefined) return [ok('network', name)]
  return [problem('network', refusal, 'docker network create it, name another, or leave docker.network out')]
}
