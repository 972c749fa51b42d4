import { eventually } from './containers.ts'
import { docker, type TestDaemon } from './daemon.ts'
import { ensureTask, say } from './test-tasks.ts'

/** A request that keeps an instance busy until it is disposed: its caller leaves then. */
export interface HangingRequest extends AsyncDisposable {
  /** The busy instance's container. */
  readonly container: string
}

/** Resolves once the task has the request. */
export async function hang(node: TestDaemon, resource: { cpu: number; mem: number }): Promise<HangingRequest> {
  const before = await node.containers()
  const leaving = new AbortController()
  const body = JSON.stringify({ id: await ensureTask('talk'), resource, input: say({ order: 'hang' }) })
  const left = fetch(node.url, { method: 'POST', body, signal: leaving.signal }).then(
    () => false,
    () => leaving.signal.aborted,
  )
  let container = ''
  await eventually(async () => {
    container = (await node.containers()).find((name) => !before.includes(name)) ?? ''
    return container !== '' && (await hasSaidSo(container))
  })
  return {
    container,
    async [Symbol.asyncDispose]() {
      leaving.abort()
      if (!(await left)) throw new Error('the request was answered, although its task answers none')
    },
  }
}

async function hasSaidSo(container: string): Promise<boolean> {
  // The engine lists a container a moment before it knows it by name.
  return (await docker('logs', container).catch(() => '')).includes('hanging')
}
