import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptOnDisk } from './kept-on-disk.ts'

interface Bench {
  readonly kept: KeptOnDisk
  readonly sizes: Record<string, number>
  readonly due: string[]
  readonly measured: string[]
}

function make(limitBytes: number, sizes: Record<string, number>): Bench {
  const [due, measured]: [string[], string[]] = [[], []]
  const measure = async (executionId: string): Promise<number> => {
    measured.push(executionId)
    return sizes[executionId] ?? 0
  }
  return { kept: new KeptOnDisk({ limitBytes, measure, onDue: (id) => due.push(id) }), sizes, due, measured }
}

test('beyond the limit those are due that were added first, and no more of them than needed', async () => {
  const { kept, due } = make(100, { a: 40, b: 30, c: 30, d: 50 })
  await Promise.all(['a', 'b', 'c'].map(async (id) => kept.add(id)))
  assert.deepEqual(due, [])
  await kept.add('d')
  assert.deepEqual(due, ['a', 'b'])
})

test('the last one stays, whatever it takes, until another one has ended', async () => {
  const { kept, due } = make(100, { small: 1, huge: 1000, next: 1 })
  await kept.add('small')
  await kept.add('huge')
  assert.deepEqual(due, ['small'])
  await kept.add('next')
  assert.deepEqual(due, ['small', 'huge'])
})

test('what is dropped, also while it is measured, or has become smaller takes no room', async () => {
  const { kept, due, sizes } = make(100, { a: 60, b: 40, c: 50, d: 30, e: 1 })
  await kept.add('a')
  await kept.add('b')
  const adding = kept.add('c')
  kept.drop('c')
  await adding
  assert.deepEqual(due, [])
  sizes.a = 10
  await kept.addAgain('a')
  await kept.addAgain('c')
  await kept.add('d')
  assert.deepEqual(due, [])
  kept.drop('b')
  await kept.add('c')
  assert.deepEqual(due, [])
  sizes.d = 41
  await kept.addAgain('d')
  assert.deepEqual(due, ['a'])
})

test('without a limit nothing is measured, and after disposal nothing is due', async () => {
  const unlimited = make(Infinity, { a: 1 })
  await unlimited.kept.add('a')
  assert.deepEqual(unlimited.measured, [])
  const { kept, due, measured } = make(1, { a: 10, b: 10, c: 10 })
  const adding = Promise.all([kept.add('a'), kept.add('b')])
  kept[Symbol.dispose]()
  await adding
  await kept.add('c')
  assert.deepEqual([measured, due], [['a'], []])
})
