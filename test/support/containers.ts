import { setTimeout as sleep } from 'node:timers/promises'
import { docker, type TestDaemon } from './daemon.ts'

/** `docker inspect` of a container, as far as tests read it. */
export interface ContainerFacts {
  readonly Id: string
  readonly Config: { readonly Healthcheck: unknown; readonly Env: readonly string[]; readonly User: string }
  readonly HostConfig: Readonly<Record<string, unknown>>
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> }
}

export async function inspectContainer(name: string): Promise<ContainerFacts> {
  return JSON.parse(await docker('inspect', '--format', '{{json .}}', name))
}

/** The only container of a daemon; fails when there are more or none. */
export async function onlyContainer(node: TestDaemon): Promise<string> {
  const [name, ...more] = await node.containers()
  if (name === undefined || more.length > 0) throw new Error(`${more.length + (name === undefined ? 0 : 1)} containers`)
  return name
}

/** Resolves once `isTrue`; asks every few milliseconds, for what announces itself to nobody. Give the test a timeout. */
export async function eventually(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await sleep(5)
}
