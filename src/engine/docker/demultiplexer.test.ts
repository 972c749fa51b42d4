import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { frame } from '../../../test/support/engine-stub.ts'
import type { OutputChunk } from '../engine.ts'
import { Demultiplexer, demultiplex } from './demultiplexer.ts'

const frames = fc.array(fc.record({ stream: fc.constantFrom(1, 2), data: fc.uint8Array({ maxLength: 300 }) }))
const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })

/** Runs of one stream joined: where a frame was cut is nobody's business. */
function joined(chunks: readonly OutputChunk[]): string[] {
  const runs: { stream: string; text: string }[] = []
  for (const { stream, data } of chunks.filter((chunk) => chunk.data.length > 0)) {
    const last = runs.at(-1)
    if (last?.stream === stream) last.text += data.toString('hex')
    else runs.push({ stream, text: data.toString('hex') })
  }
  return runs.map(({ stream, text }) => `${stream} ${text}`)
}

function* slices(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = at + (lengths[turn % lengths.length] ?? 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

test('every byte comes out on its stream and in order, however the frames are cut', () => {
  fc.assert(
    fc.property(frames, cuts, (sent, lengths) => {
      const bytes = Buffer.concat(sent.map(({ stream, data }) => frame(stream, Buffer.from(data))))
      const received: OutputChunk[] = []
      const demultiplexer = new Demultiplexer((chunk) => void received.push(chunk))
      for (const slice of slices(bytes, lengths)) demultiplexer.push(slice)
      const expected = sent.map(({ stream, data }) => ({
        stream: stream === 1 ? ('stdout' as const) : ('stderr' as const),
        data: Buffer.from(data),
      }))
      assert.deepEqual(joined(received), joined(expected))
      assert.equal(demultiplexer.isComplete, true)
    }),
  )
})

test('the bytes handed on are those received, not copies', () => {
  const bytes = frame(1, 'hello')
  const received: OutputChunk[] = []
  new Demultiplexer((chunk) => void received.push(chunk)).push(bytes)
  assert.equal(received[0]?.data.buffer, bytes.buffer)
})

test('a stream that is none of the Engine is refused', () => {
  assert.throws(() => new Demultiplexer(() => {}).push(Buffer.from('plain text')), { code: 'internal' })
})

test('output that ends within a frame was cut short', async () => {
  async function* body(): AsyncGenerator<Buffer> {
    yield frame(1, 'hello').subarray(0, 10)
  }
  const chunks = demultiplex(body())
  assert.equal((await chunks.next()).done, false)
  await assert.rejects(chunks.next(), { code: 'engine_unavailable' })
})
