import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { MecaAnswer } from './daemon.ts'

/** One thing that a node is asked; nobody waits for the answer before the next one, except at `settle`. */
type Step =
  | { readonly kind: 'request'; readonly mem: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'unpause' }
  | { readonly kind: 'update'; readonly cpu: number; readonly mem: number; readonly timeout: number }
  | { readonly kind: 'settle' }

/** What a node may answer to each, beside success. */
const CODES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  request: ['paused', 'resources_unsatisfiable', 'resources_exhausted'],
  pause: ['cancelled'],
  unpause: [],
  // 0.05 cores is refused always, anything else unless paused.
  update: ['validation_failed'],
}

export interface Asked {
  post(path: string, body?: object): Promise<MecaAnswer>
  get(path: string): Promise<Record<string, unknown>>
  /** How many sandboxes there are, in any state. */
  sandboxes(): Promise<number>
  /** Of a task which differs by `mem`. */
  request(mem: number): object
}

/** Sequences in which requests are the most frequent and pauses rare enough for something to happen between them. */
export function sequences(maxLength: number): fc.Arbitrary<Step[]> {
  const mem = fc.constantFrom(64, 65, 66)
  const cpu = fc.constantFrom(0.05, 0.4, 1, 2)
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('request' as const), mem }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('unpause' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('update' as const),
        cpu,
        mem: fc.constantFrom(70, 200, 1000),
        timeout: fc.constantFrom(0.001, 1),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  )
  return fc.array(step, { minLength: 5, maxLength })
}

/** Asks all of it, and then fails unless every answer is a known one and nothing of it is left in the end. */
export async function live(node: Asked, steps: readonly Step[]): Promise<void> {
  const open: Promise<void>[] = []
  for (const step of steps) {
    if (step.kind === 'settle') await open.at(-1)
    else open.push(ask(node, step))
  }
  await ask(node, { kind: 'unpause' })
  await Promise.all(open)
  const { success } = await node.post('/pause')
  assert.deepEqual([success, await node.sandboxes()], [true, 0], 'a paused node has no instances')
  await ask(node, { kind: 'unpause' })
  const stats = await node.get('/stats')
  assert.deepEqual([stats.task_used_cpu, stats.task_used_mem, stats.task_used_gpu], [0, 0, 0])
}

async function ask(node: Asked, step: Exclude<Step, { kind: 'settle' }>): Promise<void> {
  const { success, code, msg } = await answerTo(node, step)
  if (!success) assert.ok(CODES[step.kind]?.includes(code), `${step.kind} was answered ${code}: ${msg}`)
}

function answerTo(node: Asked, step: Exclude<Step, { kind: 'settle' }>): Promise<MecaAnswer> {
  if (step.kind === 'request') return node.post('/', node.request(step.mem))
  if (step.kind !== 'update') return node.post(`/${step.kind}`)
  const { cpu, mem, timeout } = step
  return node.post('/update-config', { cpu, mem, timeout })
}
