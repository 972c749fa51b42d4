import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type {
  Download,
  ErrandClient,
  ErrandError,
  ExecutionStatus,
  ExecutionView,
  InstanceView,
  InvocationAnswer,
  InvocationView,
  LaterAnswer,
  LogLine,
  NodeEvent,
  TaskView,
} from './client.ts'

// What the compiler has to accept and to refuse: the type check is the test, nothing here is run.

type IsSame<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Does not compile unless both are the same type. */
function same<A, B>(_claim: IsSame<A, B>): void {}

type Answer<T extends (...args: never) => unknown> = Awaited<ReturnType<T>>

async function accepted(errand: ErrandClient): Promise<void> {
  const { executions, node } = errand
  await executions.submit({ task: { image: 'a' } })
  await executions.submit({ task: { image: 'a', resources: { memory: '256MiB', disk: 4096, cpu: 0.5 } } })
  await executions.submit({ engineSpec: { type: 'docker', params: { image: 'a' } }, limits: { logBytes: '1GiB' } })
  await executions.run({ task: { image: 'a' } }, { timeoutMs: 1, signal: AbortSignal.timeout(1), patienceMs: 0 })
  await executions.cancel('a', { graceMs: 1 })
  for await (const view of executions.list({ status: ['running'] })) same<typeof view, ExecutionView>(true)
  for await (const line of executions.logs('a', { since: new Date(), tail: 1 })) same<typeof line, LogLine>(true)
  for await (const event of errand.events()) {
    same<typeof event, NodeEvent>(true)
    if (event.name === 'execution') same<typeof event.execution.status, ExecutionStatus>(true)
  }
  same<Answer<typeof executions.submit>, ExecutionView>(true)
  same<Answer<typeof executions.remove>, void>(true)
  same<Answer<typeof executions.exec>['stdout'], string>(true)
  same<Answer<typeof executions.get>['exitCode'], number | undefined>(true)
  same<Answer<typeof node.get>['state'], 'serving' | 'paused' | 'draining'>(true)
}

async function acceptedOfTasks(errand: ErrandClient): Promise<void> {
  const { tasks, invocations, instances, executions } = errand
  await tasks.put('a', { image: 'a', resources: { memory: '256MiB' }, concurrency: 'unlimited', keepAliveMs: 1 })
  await tasks.get('a', { caller: 'b', patienceMs: 0 })
  for await (const task of tasks.list({ limit: 1 })) same<typeof task, TaskView>(true)
  await errand.invoke('a', { method: 'PUT', path: '/a?b=c', headers: { 'x-a': 'b' }, body: Readable.from(['a']) })
  await invocations.begin('a', { body: 'a', idempotencyKey: 'b', isIdempotent: true, webhook: 'https://c' })
  await invocations.wait('a', { timeoutMs: 1, signal: AbortSignal.timeout(1) })
  for await (const each of invocations.list({ limit: 1, cursor: 'a' })) same<typeof each, InvocationView>(true)
  const download = await executions.outputs('a', 'b/c')
  for await (const piece of download.body) void piece
  same<Answer<typeof tasks.put>, TaskView>(true)
  same<Answer<typeof tasks.remove>, void>(true)
  same<Answer<typeof errand.invoke>, InvocationAnswer>(true)
  same<Answer<typeof invocations.begin>, InvocationView>(true)
  same<Answer<typeof invocations.response>, LaterAnswer>(true)
  same<Answer<typeof invocations.get>['status'], 'queued' | 'running' | 'answered' | 'failed' | 'lost'>(true)
  same<Answer<typeof instances.list>, readonly InstanceView[]>(true)
  same<Answer<typeof executions.outputs>, Download>(true)
  same<Download['bytes'], number | undefined>(true)
  same<Download['headers'][string], string | string[] | undefined>(true)
}

async function refusedOfTasks(errand: ErrandClient): Promise<void> {
  const { tasks, invocations, executions } = errand
  // @ts-expect-error a task has an image
  await tasks.put('a', { resources: { memory: 1 } })
  // @ts-expect-error no such concurrency
  await tasks.put('a', { image: 'a', concurrency: 'some' })
  // @ts-expect-error a named task is no one-off work
  await tasks.put('a', { image: 'a', timeoutMs: 1 })
  // @ts-expect-error a status is none of a request
  await errand.invoke('a', { status: 200 })
  // @ts-expect-error a text or a stream
  await errand.invoke('a', { body: { json: true } })
  // @ts-expect-error what is answered at once is kept nowhere, and has no key
  await errand.invoke('a', { idempotencyKey: 'a' })
  // @ts-expect-error a URL is a text
  await invocations.begin('a', { webhook: new URL('https://a') })
  // @ts-expect-error there is no such end
  if ((await invocations.get('a')).status === 'done') return // @ts-expect-error what is downloaded is a stream, no text
  ;(await executions.outputs('a')).body.trim()
  // @ts-expect-error what was sent cannot be changed
  ;(await executions.outputs('a')).bytes = 1
}

async function refused(errand: ErrandClient, error: ErrandError): Promise<void> {
  const { executions, node } = errand
  // @ts-expect-error a task has an image
  await executions.submit({ task: { cmd: ['a'] } })
  // @ts-expect-error an unknown key is refused by the node, and here
  await executions.submit({ task: { image: 'a', memory: 1 } })
  // @ts-expect-error a size is a number or a text
  await executions.submit({ task: { image: 'a', resources: { memory: true } } })
  // @ts-expect-error cores are a number
  await executions.submit({ task: { image: 'a', resources: { cpu: '1' } } })
  // @ts-expect-error no such isolation
  await executions.submit({ task: { image: 'a', isolation: 'chroot' } })
  // @ts-expect-error nothing is run without a body
  await executions.run()
  // @ts-expect-error words, no line for a shell
  await executions.exec('a', 'ls -l')
  // @ts-expect-error no such status
  executions.list({ status: ['done'] })
  // @ts-expect-error no such stream
  executions.logs('a', { stream: 'stdin' })
  // @ts-expect-error an answer cannot be changed
  ;(await executions.get('a')).status = 'lost'
  // @ts-expect-error a gap is of no execution
  for await (const event of errand.events()) String(event.execution)
  // @ts-expect-error the code is one of a closed list
  if (error.code === 'sun_spots') await node.get()
}

test('what is wrong about a call is told by the compiler, and answers have types', () => {
  assert.deepEqual(
    [accepted, refused, acceptedOfTasks, refusedOfTasks].map(({ length }) => length),
    [1, 2, 1, 1],
  )
})
