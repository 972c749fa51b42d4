import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cancellation } from '../../core/cancellation.ts'
import type { ErrandError } from '../../core/errors.ts'
import { type Log, silentLog } from '../../core/log.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { WebhookDelivery } from '../../webhooks/webhooks.ts'
import { Gate } from '../gate.ts'
import type { Forwarding, TaskSink } from '../node-api.ts'
import type { NamedTask } from '../tasks/named-tasks.ts'
import type { AskedInvocation } from './acceptance.ts'
import { AsyncInvocations } from './async-invocations.ts'
import type { InvocationLimits } from './invocation-limits.ts'
import type { InvocationRecord } from './invocation-record.ts'

export const LIMITS: InvocationLimits = {
  concurrency: 1,
  queueLimit: 100,
  callerQueueLimit: 100,
  queueTimeoutMs: 10_000,
  maxRequestBytes: 1000,
  maxResponseBytes: 1000,
  retentionMs: 60_000,
  retentionBytes: Infinity,
}

/** What a task does with one request. */
export type Behave = (sink: TaskSink, cancellation: Cancellation) => Promise<void>

export const answerOk: Behave = async (sink) => {
  sink.from('i1')
  sink.begin(200, ['x-a', 'b'])
  sink.write(Buffer.from('hello'))
  sink.end([])
}

/** It has got the request, and says nothing until it is broken off. */
export const sayNothing: Behave = (sink, cancellation) => {
  sink.from('i1')
  return new Promise((_resolve, reject) =>
    cancellation.signal.addEventListener('abort', () => reject(cancellation.reason)),
  )
}

/** A node with nothing but requests for later, in a folder of its own, whose clock stands still. */
export class World implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock()
  readonly gate: Gate = new Gate()
  readonly errors: object[] = []
  readonly told: WebhookDelivery[] = []
  readonly sent: string[] = []
  behave: Behave = answerOk
  room: ErrandError | undefined
  folder = ''
  readonly #log: Log = { ...silentLog, error: (fields) => void this.errors.push(fields) }

  async open(folder: string = this.folder, limits: Partial<InvocationLimits> = {}): Promise<AsyncInvocations> {
    let made = 0
    const invocations = await AsyncInvocations.open({
      tasks: { load: () => ({ key: 'k', task: {} }) as unknown as NamedTask },
      forward: async ({ request }: Forwarding, sink, cancellation) => {
        this.gate.assertOpen()
        this.sent.push(request.path)
        await this.behave(sink, cancellation)
      },
      gate: this.gate,
      clock: this.clock,
      log: this.#log,
      newId: () => {
        made += 1
        return `${folder === this.folder ? 'id' : 'new'}-${made}`
      },
      limits: { ...LIMITS, ...limits },
      folder: join(folder, 'invocations'),
      assertRoom: async () => {
        if (this.room !== undefined) throw this.room
      },
      webhooks: { assertAllowed() {}, add: (delivery) => void this.told.push(delivery), settled: async () => {} },
      event: ({ id, status }) => ({ id, status }),
    })
    invocations.start()
    return invocations
  }

  static async make(): Promise<World> {
    const world = new World()
    world.folder = await mkdtemp(join(tmpdir(), 'errand-later-'))
    return world
  }

  async untilSent(count: number): Promise<void> {
    while (this.sent.length < count) await new Promise(setImmediate)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true })
  }

  /** What a daemon that is killed now leaves. */
  async killed(): Promise<string> {
    const copy = await mkdtemp(join(tmpdir(), 'errand-killed-'))
    await cp(this.folder, copy, { recursive: true })
    return copy
  }
}

async function* bodyOf(text: string): AsyncGenerator<Uint8Array, void> {
  if (text !== '') yield Buffer.from(text)
}

export function ask(
  invocations: AsyncInvocations,
  path: string,
  more: Partial<AskedInvocation> = {},
): Promise<InvocationRecord> {
  return invocations.accept({ ...asked(path), ...more }, bodyOf('body'))
}

export function asked(path: string): AskedInvocation {
  const head = { method: 'POST', path, headers: ['x-secret', 's'] }
  return { caller: { id: 'ada' }, task: 'it', head, key: undefined, isIdempotent: false, webhookUrl: undefined }
}
