import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MIB } from '../../src/core/resources.ts'
import type { MecaAnswer } from './daemon.ts'

/** One thing that a node is asked; nobody waits for the answer before the next one, except at `settle`. */
type Step =
  | { readonly kind: 'request'; readonly mem: number }
  | { readonly kind: 'pause' }
  | { readonly kind: 'unpause' }
  | { readonly kind: 'update'; readonly cpu: number; readonly mem: number; readonly timeout: number }
  | { readonly kind: 'change'; readonly cpu: number; readonly memoryMib: number; readonly keepAliveMs: number }
  | { readonly kind: 'settle' }

type Sent = Exclude<Step, { kind: 'settle' }>

/** What a node may answer to each, beside success. */
const CODES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  request: ['paused', 'resources_unsatisfiable', 'resources_exhausted'],
  pause: ['cancelled'],
  unpause: [],
  // 0.05 cores is refused always, anything else unless paused.
  update: ['validation_failed'],
  // 0.05 cores is refused always, and nothing else.
  change: ['validation_failed'],
}

export interface Asked {
  post(path: string, body?: object): Promise<MecaAnswer>
  /** As `update`, but at any time and in part, on /v1: an error's code, or the grant as it is then. Without it, only MECA is asked. */
  change?(grant: object): Promise<{ readonly code?: string; readonly cpu?: number; readonly memory?: number }>
  /** What there is, and what is leased for it: at rest the same each time. */
  holds(): Promise<unknown>
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
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('change' as const),
        cpu,
        memoryMib: fc.constantFrom(70, 200, 1000),
        keepAliveMs: fc.constantFrom(1, 60_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  )
  return fc.array(step, { minLength: 5, maxLength })
}

/** Asks all of it, and then fails unless every answer is a known one and nothing is left beside what there was at `rest`. */
export async function live(node: Asked, steps: readonly Step[], rest: unknown): Promise<void> {
  const open: Promise<void>[] = []
  for (const step of steps) {
    if (step.kind === 'settle') await open.at(-1)
    else open.push(ask(node, step))
  }
  await ask(node, { kind: 'unpause' })
  await Promise.all(open)
  const { success } = await node.post('/pause')
  assert.ok(success)
  await ask(node, { kind: 'unpause' })
  assert.deepEqual(await node.holds(), rest, 'a node that was paused has no instances')
}

async function ask(node: Asked, step: Sent): Promise<void> {
  if (step.kind === 'change') await change(node, step)
  else {
    const { success, code, msg } = await answerTo(node, step)
    if (!success) assert.ok(CODES[step.kind]?.includes(code), `${step.kind} was answered ${code}: ${msg}`)
  }
}

/** It is validated whole, counts whole, and its values are answered. */
async function change(node: Asked, { cpu, memoryMib, keepAliveMs }: Step & { kind: 'change' }): Promise<void> {
  const wanted = { cpu, memory: memoryMib * MIB, keepAliveMs }
  const { code, ...granted } = (await node.change?.(wanted)) ?? {}
  if (code !== undefined) assert.ok(CODES.change?.includes(code) && cpu === 0.05, `change was answered ${code}`)
  else if (node.change !== undefined) assert.partialDeepStrictEqual(granted, wanted)
}

function answerTo(node: Asked, step: Exclude<Sent, { kind: 'change' }>): Promise<MecaAnswer> {
  if (step.kind === 'request') return node.post('/', node.request(step.mem))
  if (step.kind !== 'update') return node.post(`/${step.kind}`)
  const { cpu, mem, timeout } = step
  return node.post('/update-config', { cpu, mem, timeout })
}
