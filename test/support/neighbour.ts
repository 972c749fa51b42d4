import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { ServeProcess } from './serve-process.ts'

const REQUEST = { resource: { cpu: 0.5, mem: 64 }, input: 'neighbour' }
/** Requests that show how it is when nothing happens. */
const QUIET = 100

/**
 * Asks a well-behaved task again and again while `bomb` goes off beside it. None of its answers may fail (I10); how long
 * they take is reported, not judged: the machine of the tests has other work.
 */
export async function besideNeighbour<T>(node: ServeProcess, t: TestContext, bomb: () => Promise<T>): Promise<T> {
  const request = { ...REQUEST, id: await ensureImage('hello-node') }
  const askOnce = async (): Promise<number> => {
    const startedMs = performance.now()
    assert.deepEqual(await node.execute(request), { success: true, msg: 'Hello, neighbour!' })
    return performance.now() - startedMs
  }
  await askOnce()
  const before: number[] = []
  while (before.length < QUIET) before.push(await askOnce())
  let isOver = false
  const exploding = bomb().finally(() => {
    isOver = true
  })
  const during: number[] = []
  try {
    do during.push(await askOnce())
    while (!isOver)
  } finally {
    await exploding
  }
  t.diagnostic(`neighbour: p99 ${p99(before)} ms before, ${p99(during)} ms during (${during.length} answers)`)
  return exploding
}

function p99(durationsMs: readonly number[]): string {
  const sorted = durationsMs.toSorted((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) * 0.99)] ?? 0).toFixed(1)
}
