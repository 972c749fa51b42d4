import assert from 'node:assert/strict'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { openV1Node, type V1Node } from './v1-node.fixture.ts'

/** A node with one task of this image, and who may invoke it. */
export async function openWith(script: FakeScript, terms: object = {}): Promise<{ node: V1Node; token: string }> {
  const node = await openV1Node({ it: script })
  const token = await node.token('ada', 'read', 'submit')
  const { status, text: why } = await node.call(token, 'PUT /v1/tasks/it', { image: 'it', ...terms })
  assert.equal(status, 201, why)
  return { node, token }
}

/** How such a request begins on a connection of one's own. */
export function head(token: string, asked: string = 'GET /v1/tasks/it/invoke', version: string = '1.1'): string {
  return `${asked} HTTP/${version}\r\nHost: 127.0.0.1\r\nAuthorization: ${token}\r\n`
}
