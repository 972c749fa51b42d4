import { existsSync } from 'node:fs'
import { get } from 'node:http'
import { dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { systemClock } from '../../core/clock.ts'
import { Firewall } from '../../engine/docker/firewall.ts'
import { surveyDocker } from '../../engine/docker/survey.ts'
import { assertListenable } from '../../http/assert-listenable.ts'
import type { ListenerConfig } from '../../http/listener-config.ts'
import type { DiagnosisDeps } from './diagnose.ts'
import { lookAtThisHost } from './host-look.ts'
import { inspectJournal } from './inspect-journal.ts'

const HEALTH_DEADLINE_MS = 2000

/** Diagnoses the machine that this process is on. */
export function thisMachine(signal: AbortSignal): DiagnosisDeps {
  return {
    look: lookAtThisHost(signal),
    survey: surveyDocker,
    canFilter: () => new Firewall().isUsable(),
    askHealth: (socketPath) => askHealth(socketPath, signal).catch(() => false),
    assertListenable: (listener) => assertListenableHere(listener),
    inspectJournal,
    clock: systemClock,
    nodeVersion: process.version,
    uid: process.getuid?.() ?? 0,
  }
}

/** The folder that sockets are in by default is made by the daemon. */
async function assertListenableHere(listener: ListenerConfig): Promise<void> {
  const { address } = listener
  if ('unixPath' in address && !existsSync(dirname(address.unixPath))) return
  await assertListenable(listener)
}

async function askHealth(socketPath: string, signal: AbortSignal): Promise<boolean> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(HEALTH_DEADLINE_MS)])
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const request = get({ socketPath, path: '/health', host: 'localhost', signal: limited, agent: false }, (answer) => {
    text(answer).then(resolve, reject)
  })
  request.on('error', reject)
  return (await promise).includes('"status":"ok"')
}
