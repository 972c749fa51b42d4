import assert from 'node:assert/strict'
import { test } from 'node:test'
import { V1_OPERATIONS } from './routes.ts'
import { openV1Node, type V1Node, viewOf } from './v1-node.fixture.ts'

const quick = { run: async () => 0 }

/** The id of an execution that runs. */
async function running(node: V1Node): Promise<string> {
  const { id } = viewOf(await node.call(undefined, 'POST /v1/executions', { task: { image: 'forever' } }))
  while (viewOf(await node.call(undefined, `GET /v1/executions/${id}`)).status !== 'running');
  return id
}

test('every operation with a body has an example', () => {
  const without = V1_OPERATIONS.filter(
    ({ body, examples = {} }) => body !== undefined && !Object.values(examples).some((each) => each.body !== undefined),
  )
  assert.deepEqual(
    without.map(({ id }) => id),
    [],
  )
})

test('every example of the document is taken as it stands, and answered as documented', async () => {
  await using node = await openV1Node({ alpine: quick, 'nginx:alpine': quick })
  for (const { method, path, examples = {} } of V1_OPERATIONS) {
    for (const [name, { body, query }] of Object.entries(examples)) {
      const id = path.startsWith('/v1/executions/{id}') ? await running(node) : 'mine'
      const asked = path.replace(/\{[a-z]+\}/, id)
      const target = query === undefined ? asked : `${asked}?${new URLSearchParams(query).toString()}`
      const answer = await node.call(undefined, `${method} ${target}`, body as object | undefined)
      assert.ok(answer.status < 300, `${method} ${path}, ${name}: ${answer.status} ${answer.text}`)
    }
  }
})
