import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SingleFlight } from './single-flight.ts'

const { signal } = new AbortController()
const left = new Error('left')

/** Work that the test ends, and the signals it was begun with. */
function controlled(): {
  readonly begun: AbortSignal[]
  readonly result: PromiseWithResolvers<string>
  readonly begin: (signal: AbortSignal) => Promise<string>
} {
  const begun: AbortSignal[] = []
  const result = Promise.withResolvers<string>()
  const begin = (flight: AbortSignal): Promise<string> => {
    begun.push(flight)
    return result.promise
  }
  return { begun, result, begin }
}

test('however many join, the work of a key is done once and all get its result', async () => {
  const flights = new SingleFlight<string>()
  const { begun, result, begin } = controlled()
  const joined = [1, 2, 3].map(() => flights.join('key', begin, signal))
  assert.equal(begun.length, 1)
  result.resolve('landed')
  assert.deepEqual(await Promise.all(joined), ['landed', 'landed', 'landed'])
})

test('other keys are other work', async () => {
  const flights = new SingleFlight<string>()
  const work = controlled()
  const joined = ['a', 'b'].map((key) => flights.join(key, work.begin, signal))
  assert.equal(work.begun.length, 2)
  work.result.resolve('landed')
  await Promise.all(joined)
})

test('one who leaves does not abort the work of the others', async () => {
  const flights = new SingleFlight<string>()
  const { begun, result, begin } = controlled()
  const leaving = new AbortController()
  const leaver = flights.join('key', begin, leaving.signal)
  const stayer = flights.join('key', begin, signal)
  leaving.abort(left)
  await assert.rejects(leaver, left)
  assert.equal(begun[0]?.aborted, false)
  result.resolve('landed')
  assert.equal(await stayer, 'landed')
})

test('the last to leave aborts the work, and whoever comes later begins it anew', async () => {
  const flights = new SingleFlight<string>()
  const { begun, begin } = controlled()
  const leaving = new AbortController()
  const leaver = flights.join('key', begin, leaving.signal)
  leaving.abort(left)
  await assert.rejects(leaver, left)
  assert.equal(begun[0]?.reason, left)
  const later = controlled()
  const again = flights.join('key', later.begin, signal)
  assert.equal(later.begun.length, 1)
  later.result.resolve('landed')
  assert.equal(await again, 'landed')
})

test('a failure is everybody’s, and is not kept for those who come later', async () => {
  const flights = new SingleFlight<string>()
  const { result, begin } = controlled()
  const joined = [flights.join('key', begin, signal), flights.join('key', begin, signal)]
  result.reject(new Error('crashed'))
  for (const each of joined) await assert.rejects(each, /crashed/)
  assert.equal(await flights.join('key', async () => 'landed', signal), 'landed')
})

test('one who has left before is not taken aboard', async () => {
  const { begun, begin } = controlled()
  await assert.rejects(new SingleFlight<string>().join('key', begin, AbortSignal.abort(left)), left)
  assert.equal(begun.length, 0)
})
