import assert from 'node:assert/strict'
import { test } from 'node:test'
import { V1_OPERATIONS } from './routes.ts'
import { openV1Node } from './v1-node.fixture.ts'

const quick = { run: async () => 0 }

test('every example of the document is taken as it stands, and answered as documented', async () => {
  await using node = await openV1Node({ alpine: quick, 'python:3.13-slim': quick })
  let sent = 0
  for (const { method, path, examples = {} } of V1_OPERATIONS) {
    for (const [name, { body, query }] of Object.entries(examples)) {
      const target = query === undefined ? path : `${path}?${new URLSearchParams(query).toString()}`
      const answer = await node.call(undefined, `${method} ${target}`, body as object | undefined)
      assert.ok(answer.status < 300, `${method} ${path}, ${name}: ${answer.status} ${answer.text}`)
      sent += 1
    }
  }
  assert.ok(sent > 0, 'there are examples')
})
