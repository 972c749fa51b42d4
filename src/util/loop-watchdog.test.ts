import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../core/manual-clock.ts'
import { Heartbeat } from './heartbeat.ts'
import { LoopWatchdog } from './loop-watchdog.ts'
import { busiestStack } from './main-thread-stack.ts'

interface Bench {
  readonly clock: ManualClock
  readonly heartbeat: Heartbeat
  /** How often a stack was asked for. */
  readonly asked: () => number
  readonly watchdog: LoopWatchdog
}

function make(findStack: (heartbeat: Heartbeat) => Promise<string[]> = async () => ['spin', 'main']): Bench {
  const [clock, heartbeat] = [new ManualClock(), new Heartbeat()]
  let asked = 0
  const watchdog = new LoopWatchdog({
    // Each side has an object of its own over the same memory.
    heartbeat: new Heartbeat(heartbeat.shared),
    clock,
    findStack: async () => {
      asked += 1
      return findStack(heartbeat)
    },
  })
  return { clock, heartbeat, asked: () => asked, watchdog }
}

describe('F11: the watchdog over the event loop', () => {
  test('leaves the stack of what holds it up, once', async () => {
    const { clock, heartbeat, asked } = make()
    heartbeat.beat()
    await clock.advance(10_000)
    assert.deepEqual([asked(), heartbeat.takeStack(), heartbeat.takeStack()], [1, ['spin', 'main'], undefined])
    heartbeat.beat()
    await clock.advance(10_000)
    assert.deepEqual([asked(), heartbeat.hasStack], [2, true])
  })

  test('asks for none before the first beat, while it comes round, or once disposed', async () => {
    const { clock, heartbeat, asked, watchdog } = make()
    await clock.advance(10_000)
    for (let second = 0; second < 10; second += 1) {
      heartbeat.beat()
      await clock.advance(1000)
    }
    watchdog[Symbol.dispose]()
    await clock.advance(10_000)
    assert.deepEqual([asked(), clock.pendingTimers], [0, 0])
  })

  test('leaves none that came when it was over, and asks again after one that could not be had', async () => {
    let isOver = true
    const { clock, heartbeat, asked } = make(async (watched) => {
      if (!isOver) throw new Error('no inspector')
      watched.beat()
      return ['late']
    })
    heartbeat.beat()
    await clock.advance(2000)
    assert.deepEqual([asked(), heartbeat.hasStack], [1, false])
    isOver = false
    await clock.advance(3000)
    assert.equal(heartbeat.hasStack, false)
    assert.ok(asked() > 2)
  })
})

test('a stack that is too long for the memory of a heartbeat loses its outermost frames', () => {
  const heartbeat = new Heartbeat()
  heartbeat.leaveStack(Array.from({ length: 1000 }, (_, index) => `frame ${index}`))
  const taken = heartbeat.takeStack() ?? []
  assert.ok(taken.length > 300 && taken.length < 1000)
  assert.equal(taken[300], 'frame 300')
})

test('the busiest stack is that of the frame that was hit most often', () => {
  const frame = (functionName: string, url = '') => ({
    functionName,
    scriptId: '1',
    url,
    lineNumber: 8,
    columnNumber: 2,
  })
  const nodes = [
    { id: 1, callFrame: frame('(root)'), hitCount: 0, children: [2, 3] },
    { id: 2, callFrame: frame('(program)'), hitCount: 4 },
    { id: 3, callFrame: frame('', 'file:///a.js'), hitCount: 1, children: [4] },
    { id: 4, callFrame: frame('spin', 'file:///b.js'), hitCount: 90 },
  ]
  assert.deepEqual(busiestStack(nodes), ['spin (file:///b.js:9:3)', '(anonymous) (file:///a.js:9:3)'])
  assert.deepEqual(busiestStack([]), [])
})
