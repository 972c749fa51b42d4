import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Extent } from './extent.ts'
import { frameAt, GAP, HEADER_BYTES } from './frames.ts'
import { type Block, PendingOutput } from './pending-output.ts'

const MIB = 1024 * 1024

function takeAll(pending: PendingOutput): Block[] {
  const blocks: Block[] = []
  for (let block = pending.take(); block !== undefined; block = pending.take()) blocks.push(block)
  return blocks
}

/** The first byte of each frame's data, `-` for a gap. */
function outline(blocks: readonly Block[]): string {
  let text = ''
  for (const { frames } of blocks) {
    for (let at = 0, frame = frameAt(frames, 0); frame !== undefined; frame = frameAt(frames, at)) {
      text += frame.kind === GAP ? '-' : frame.data.toString('latin1', 0, 1)
      at += HEADER_BYTES + frame.data.length
    }
  }
  return text
}

/** So many pieces of 64 KiB, each with its own letter. */
function pushLetters(pending: PendingOutput, letters: string): void {
  for (const letter of letters) pending.push('stdout', 0, Buffer.alloc(64 * 1024, letter), true)
}

const LETTERS = Array.from({ length: 64 }, (_, index) => String.fromCharCode(48 + index)).join('')

describe('output that waits for the disk', () => {
  test('makes pieces of one stream and one millisecond a single entry', () => {
    const pending = new PendingOutput(MIB)
    for (const text of ['a', 'b', 'c']) pending.push('stdout', 1, Buffer.from(text), false)
    pending.push('stderr', 1, Buffer.from('d'), false)
    pending.push('stderr', 2, Buffer.from('e'), false)
    const [block] = takeAll(pending)
    assert.deepEqual([block?.extent.places, block?.extent.stdoutBytes, block?.extent.stderrBytes], [3, 3, 2])
    assert.equal(frameAt(block?.frames ?? Buffer.alloc(0), 0)?.data.toString(), 'abc')
  })

  test('gives up neither the head nor the newest, and tells how much it was', () => {
    const pending = new PendingOutput(MIB / 2)
    pushLetters(pending, LETTERS)
    const blocks = takeAll(pending)
    const [, head = '', tail = ''] = /^(.*)-(.*)$/.exec(outline(blocks)) ?? []
    assert.ok(head.length >= 8 && LETTERS.startsWith(head), head)
    assert.ok(tail.length >= 8 && LETTERS.endsWith(tail), tail)
    const total = new Extent()
    for (const { extent } of blocks) total.add(extent)
    assert.deepEqual([total.places, total.stdoutBytes], [64, 64 * 64 * 1024])
  })

  test('keeps the newest too when the head is larger than what may wait', () => {
    const pending = new PendingOutput(100 * MIB)
    pushLetters(pending, LETTERS)
    const [, head = '', tail = ''] = /^(.*)-(.*)$/.exec(outline(takeAll(pending))) ?? []
    assert.ok(head.length >= 8 && tail.length >= 8, `${head} ${tail}`)
  })

  test('is bounded, also while some of it is taken', () => {
    const pending = new PendingOutput(0)
    for (let round = 0; round < 20; round += 1) {
      pushLetters(pending, LETTERS)
      pending.take()
    }
    assert.ok(outline(takeAll(pending)).length < 40)
  })

  test('says where everything came to lie, also what was given up', async () => {
    const pending = new PendingOutput(0)
    pending.push('stdout', 0, Buffer.from('x'), true)
    const mark = pending.newest?.mark()
    pushLetters(pending, LETTERS)
    const end = new Extent()
    for (const block of takeAll(pending)) {
      end.add(block.extent)
      block.placeAt(new Extent(end))
    }
    assert.ok(((await mark)?.places ?? 0) > 1)
  })
})
