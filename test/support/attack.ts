import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { randomId } from '../../src/core/ids.ts'
import { eventually } from './containers.ts'
import type { MecaAnswer } from './daemon.ts'
import { docker } from './engine-host.ts'
import { addressOf } from './puppet.ts'
import { ensureTask } from './test-tasks.ts'

/** Where a task tries to get to, as `connect` of node:net takes it. */
export type AttackTarget = { readonly host: string; readonly port: number } | { readonly path: string }

/** What the task `attack` can be told to do. A silent one carries it out and never answers. */
export type Attack = Order & { readonly isSilent?: boolean }

type Order =
  | { readonly order: 'nothing' | 'environment' | 'identity' | 'fillSocketFolder' }
  /** Goes on until it may not, or has done it so often: a `Refusal`. */
  | { readonly order: 'openFiles' | 'fork'; readonly most: number }
  | { readonly order: 'takeMemory'; readonly mebibytes: number }
  | { readonly order: 'read' | 'list'; readonly path: string }
  | { readonly order: 'exists'; readonly paths: readonly string[] }
  /** Answers with an outcome for each: `connected`, or an error's code (`SILENCE` for no answer in 1.5 s). */
  | { readonly order: 'connect'; readonly targets: readonly AttackTarget[] }
  /** The same over UDP: `answered`, or a code. */
  | { readonly order: 'ping'; readonly targets: readonly { readonly host: string; readonly port: number }[] }
  | { readonly order: 'reverse'; readonly address: string }
  | { readonly order: 'replaceSocket'; readonly by: 'fifo' | 'directory' | 'file' | 'nothing' }
  | { readonly order: 'replaceSocket'; readonly by: 'link'; readonly target: string }
  | { readonly order: 'write' | 'stretch' | 'writeHidden'; readonly path: string; readonly mebibytes: number }
  | { readonly order: 'createFiles'; readonly folder: string; readonly most: number }
  | { readonly order: 'print'; readonly mebibytes: number }

/** How often something worked, and the code of the error that ended it; `ENOUGH` when none did. */
export interface Refusal {
  readonly times: number
  readonly code: string
}

/** The image of the task `attack`. `instructions` are lines of a Dockerfile that go after all others. */
export async function ensureAttack(instructions: readonly string[] = []): Promise<string> {
  const shell = await ensureImage('busybox')
  return ensureTask('attack', [`COPY --from=${shell} /bin/busybox /bin/busybox`, ...instructions])
}

/** The body of `POST /` for a small attacker. Others are other tasks: each `mem` is one. */
export async function attackRequest(attack: Attack, mem = 64): Promise<{ id: string } & Record<string, unknown>> {
  return { id: await ensureAttack(), resource: { cpu: 0.5, mem }, input: JSON.stringify(attack) }
}

interface Executes {
  execute(body: object): Promise<MecaAnswer>
}

/** What an attacker answers, as a value. Fails when it answers nothing, or with an error. */
export async function attack(node: Executes, order: Attack, mem = 64): Promise<unknown> {
  return answerOf(await node.execute(await attackRequest(order, mem)))
}

export function answerOf({ success, msg }: MecaAnswer): unknown {
  if (!success) throw new Error(`the attacker did not answer: ${msg}`)
  return JSON.parse(msg)
}

/** The same in a container as the Engine makes it, with nothing of ours: shows that the attack works. */
export async function attackUnguarded(order: Attack): Promise<unknown> {
  return inUnguarded(await ensureAttack(), async (container) => {
    const url = `http://${await addressOf(container)}:8080/`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(order) })
    return response.json()
  })
}

/** Calls `use` while a container of the image runs and is ready, on a network of its own. */
export async function inUnguarded<T>(image: string, use: (container: string) => Promise<T>): Promise<T> {
  const name = `errand-test-${randomId().slice(0, 12)}`
  await docker('network', 'create', name)
  try {
    await docker('run', '--detach', '--name', name, '--network', name, image)
    await eventually(async () => (await docker('logs', '--tail', '1', name)).includes('meca-init-done'))
    return await use(name)
  } finally {
    await docker('rm', '--force', '--volumes', name)
    await docker('network', 'rm', name)
  }
}
