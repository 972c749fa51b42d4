import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { MecaAnswer } from './daemon.ts'
import { ensureTask } from './test-tasks.ts'

/** Where a task tries to get to, as `connect` of node:net takes it. */
export type AttackTarget = { readonly host: string; readonly port: number } | { readonly path: string }

/** What the task `attack` can be told to do. */
export type Attack =
  | {
      readonly order: 'nothing' | 'environment' | 'identity' | 'fillSocketFolder' | 'openFiles' | 'fork' | 'takeMemory'
    }
  | { readonly order: 'read' | 'list'; readonly path: string }
  | { readonly order: 'exists'; readonly paths: readonly string[] }
  /** Answers with an outcome for each: `connected`, or an error's code (`SILENCE` for no answer in 1.5 s). */
  | { readonly order: 'connect'; readonly targets: readonly AttackTarget[] }
  /** The same over UDP: `answered`, or a code. */
  | { readonly order: 'ping'; readonly targets: readonly { readonly host: string; readonly port: number }[] }
  | { readonly order: 'reverse'; readonly address: string }
  | { readonly order: 'replaceSocket'; readonly by: 'fifo' | 'directory' | 'file' | 'nothing' }
  | { readonly order: 'replaceSocket'; readonly by: 'link'; readonly target: string }
  | { readonly order: 'write'; readonly path: string; readonly mebibytes: number }
  | { readonly order: 'print'; readonly mebibytes: number }

/** How often something worked, and the code of the error that ended it. */
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
