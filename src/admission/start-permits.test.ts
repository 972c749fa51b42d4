import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { StartPermits } from './start-permits.ts'

const never = new AbortController().signal
const gone = new ErrandError('cancelled', 'the caller left')

test('as many permits as there are go at once, the others follow first come first served', async () => {
  const permits = new StartPermits(2)
  const [first, second] = await Promise.all([permits.acquire(never), permits.acquire(never)])
  const order: string[] = []
  const third = permits.acquire(never).finally(() => order.push('third'))
  const fourth = permits.acquire(never).finally(() => order.push('fourth'))
  await settle()
  assert.deepEqual(order, [])
  second[Symbol.dispose]()
  await third
  first[Symbol.dispose]()
  await fourth
  assert.deepEqual(order, ['third', 'fourth'])
})

test('a permit disposed twice is given back once', async () => {
  const permits = new StartPermits(1)
  const first = await permits.acquire(never)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  await permits.acquire(never)
  const late = permits.acquire(never)
  await settle()
  assert.equal(permits.waiting, 1)
  assert.ok(late instanceof Promise)
})

test('an aborted waiter leaves at once and is passed over', async () => {
  const permits = new StartPermits(1)
  const first = await permits.acquire(never)
  const caller = new AbortController()
  const second = permits.acquire(caller.signal)
  const third = permits.acquire(never)
  caller.abort(gone)
  await assert.rejects(second, gone)
  assert.equal(permits.waiting, 1)
  first[Symbol.dispose]()
  await third
})

test('an abort in the moment of the grant passes the permit on', async () => {
  const permits = new StartPermits(1)
  const first = await permits.acquire(never)
  const caller = new AbortController()
  const second = permits.acquire(caller.signal)
  const third = permits.acquire(never)
  first[Symbol.dispose]()
  caller.abort(gone)
  await assert.rejects(second, gone)
  await third
})

test('a caller that has left already gets no permit', async () => {
  const permits = new StartPermits(1)
  await assert.rejects(permits.acquire(AbortSignal.abort(gone)), gone)
  await permits.acquire(never)
})

test('no sequence of acquiring, disposing and aborting leaks a permit or grants one too many', async () => {
  const step = fc.record({ act: fc.constantFrom('acquire', 'dispose', 'abort'), index: fc.nat(20) })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 40 }), async (count, steps) => {
      const permits = new StartPermits(count)
      const held = new Set<Disposable>()
      const callers: AbortController[] = []
      const settled: Promise<void>[] = []
      const free = (permit: Disposable | undefined): void => {
        if (permit !== undefined && held.delete(permit)) permit[Symbol.dispose]()
      }
      for (const { act, index } of steps) {
        if (act === 'acquire') {
          const caller = new AbortController()
          callers.push(caller)
          const kept = permits.acquire(caller.signal).then((permit) => void held.add(permit))
          settled.push(kept.catch(() => undefined))
        } else if (act === 'abort') callers[index]?.abort(gone)
        else free([...held][index])
        if (index % 2 === 0) await settle()
        assert.ok(held.size <= count)
      }
      for (let rounds = 0; rounds <= steps.length; rounds++) {
        await settle()
        for (const permit of held) free(permit)
      }
      await Promise.all(settled)
      assert.equal(permits.waiting, 0)
      for (let i = 0; i < count; i++) await permits.acquire(never)
    }),
    { numRuns: 50 },
  )
})
