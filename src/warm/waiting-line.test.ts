import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { DEFAULT_RESOURCES } from '../core/resources.ts'
import { type Task, taskKey } from '../core/task.ts'
import { Shelf } from './shelf.ts'
import { WaitingLine } from './waiting-line.ts'

/** A line with its shelves; every request in it is named by its shelf and number. */
function bench(limit: number) {
  const clock = new ManualClock()
  const line = new WaitingLine(limit, clock)
  const shelves = new Map<string, Shelf>()
  const pushedOut: string[] = []
  const shelfOf = (image: string): Shelf => {
    const task: Task = { image, isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false }
    const shelf = shelves.get(image) ?? new Shelf(taskKey({ id: 'caller' }, task), task, Infinity)
    shelves.set(image, shelf)
    return shelf
  }
  const enter = (image: string): void => {
    const shelf = shelfOf(image)
    const name = `${image}${shelf.waiting.size + 1}`
    line.enter(shelf, shelves.values())
    const reject = (error: ErrandError): void => {
      pushedOut.push(`${name} ${error.code}`)
      line.leave(false)
    }
    shelf.waiting.add({ resolve: () => {}, reject })
  }
  const serve = (image: string): void => {
    shelfOf(image).takeWaiting()
    line.leave(true)
  }
  const lengths = (): Record<string, number> =>
    Object.fromEntries([...shelves].map(([image, shelf]) => [image, shelf.waiting.size]))
  return { clock, line, enter, serve, lengths, pushedOut }
}

const isFull = (error: unknown): boolean => error instanceof ErrandError && error.code === 'queue_full'

test('a line that one task has filled refuses that task, and makes room for others from its end', () => {
  const { enter, lengths, pushedOut } = bench(4)
  for (let i = 0; i < 4; i += 1) enter('stuck')
  assert.throws(() => enter('stuck'), isFull)
  enter('other')
  assert.deepEqual(pushedOut, ['stuck4 queue_full'])
  assert.deepEqual(lengths(), { stuck: 3, other: 1 })
})

test('tasks that flood the line end up with equal shares, and stay there', () => {
  const { enter, lengths } = bench(9)
  for (let i = 0; i < 9; i += 1) enter('first')
  for (let i = 0; i < 20; i += 1) {
    for (const image of ['second', 'third', 'first']) {
      try {
        enter(image)
      } catch (error) {
        assert.ok(isFull(error))
      }
    }
  }
  const shares = Object.values(lengths())
  assert.equal(
    shares.reduce((sum, share) => sum + share),
    9,
  )
  assert.ok(Math.max(...shares) - Math.min(...shares) <= 2, JSON.stringify(lengths()))
})

test('the advice in a refusal follows how fast the line really moves', async () => {
  const { clock, enter, serve } = bench(10)
  const advice = (): number | undefined => {
    try {
      enter('hello')
    } catch (error) {
      if (error instanceof ErrandError) return error.retryAfterMs
    }
    return undefined
  }
  for (let i = 0; i < 10; i += 1) enter('hello')
  await clock.advance(700)
  assert.equal(advice(), 700, 'nothing has moved yet: as long again as it has stood')
  for (let i = 0; i < 5; i += 1) {
    await clock.advance(500)
    serve('hello')
    enter('hello')
  }
  const steady = advice() ?? 0
  assert.ok(steady > 4500 && steady < 8000, `ten places of about half a second, not ${steady} ms`)
  await clock.advance(30_000)
  assert.equal(advice(), 30_000, 'a standstill')
})

test('a line without places refuses everybody', () => {
  const { enter } = bench(0)
  assert.throws(() => enter('hello'), isFull)
})
