import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FairQueue } from './fair-queue.ts'

interface Item {
  readonly callerId: string
  readonly name: string
}

/** `a1` is the first one of caller a. */
function queueOf(...names: readonly string[]): { queue: FairQueue<Item>; items: Map<string, Item> } {
  const items = new Map(names.map((name) => [name, { callerId: name.slice(0, 1), name }]))
  const queue = new FairQueue<Item>()
  for (const item of items.values()) queue.add(item)
  return { queue, items }
}

function load(items: ReadonlyMap<string, Item>, name: string): Item {
  const item = items.get(name)
  assert.ok(item, name)
  return item
}

/** What is taken with so much room, each being over when there is none left. */
function takeAll(queue: FairQueue<Item>, room: number): string[] {
  const [taken, underWay]: [string[], Item[]] = [[], []]
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    taken.push(next.name)
    underWay.push(next)
    const over = underWay.length === room ? underWay.shift() : undefined
    if (over !== undefined) queue.remove(over)
  }
  return taken
}

test('callers take turns, however much each has brought and however little room there is', () => {
  for (const room of [1, 2]) {
    const { queue } = queueOf('a1', 'a2', 'a3', 'b1', 'b2', 'c1', 'c2')
    assert.deepEqual(takeAll(queue, room), ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3'], `room for ${room}`)
  }
})

test('a caller who brings more whenever it was served does not go before those who wait', () => {
  const { queue } = queueOf('a1', 'b1', 'c1')
  const taken: string[] = []
  for (let index = 0; index < 6; index += 1) {
    const next = queue.take()
    assert.ok(next)
    taken.push(next.callerId)
    queue.remove(next)
    queue.add({ callerId: next.callerId, name: 'more' })
  }
  assert.deepEqual(taken, ['a', 'b', 'c', 'a', 'b', 'c'])
})

test('the caller with the fewest under way goes first', () => {
  const { queue, items } = queueOf('a1', 'a2', 'a3')
  assert.deepEqual([queue.take()?.name, queue.take()?.name], ['a1', 'a2'])
  queue.add({ callerId: 'b', name: 'b1' })
  queue.add({ callerId: 'b', name: 'b2' })
  assert.deepEqual([queue.take()?.name, queue.take()?.name, queue.take()?.name], ['b1', 'b2', 'a3'])
  queue.remove(load(items, 'a1'))
  assert.equal(queue.underWay, 4)
})

test('what is parked waits and counts, is not taken, and has its place again when it is woken', () => {
  const { queue, items } = queueOf('a1', 'a2', 'a3')
  const first = queue.take()
  assert.equal(first?.name, 'a1')
  assert.deepEqual([queue.size, queue.sizeOf('a'), queue.underWay], [2, 2, 1])
  queue.park(load(items, 'a1'))
  assert.deepEqual([queue.size, queue.sizeOf('a'), queue.underWay], [3, 3, 0])
  assert.equal(queue.take()?.name, 'a2')
  queue.wake(load(items, 'a1'))
  assert.deepEqual([queue.take()?.name, queue.take()?.name, queue.take()], ['a1', 'a3', undefined])
})

test('nothing is counted any more of what was removed, wherever it was', () => {
  const { queue, items } = queueOf('a1', 'a2', 'a3', 'b1')
  queue.take()
  queue.park(load(items, 'a1'))
  queue.take()
  for (const item of items.values()) {
    queue.remove(item)
    queue.remove(item)
  }
  assert.deepEqual([queue.size, queue.sizeOf('a'), queue.underWay, queue.take()], [0, 0, 0, undefined])
})
