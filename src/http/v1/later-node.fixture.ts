import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import type { InvocationView } from '../contract/invocation-view.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { openV1Node, type V1Node } from './v1-node.fixture.ts'

export const LATER = { prefer: 'respond-async' }
export const INVOKE = 'POST /v1/tasks/it/invoke'

/** Answers with what it was asked, and a status that is its own. */
export const MIRROR: FakeScript = {
  serve: (request, response) => {
    const { method, url, headers } = request
    void text(request).then((body) => {
      response.writeHead(418, { 'content-type': 'a/b', 'set-cookie': 'x=y', 'x-own': '1' })
      response.end(JSON.stringify({ method, url, headers, body }))
    })
  },
}

/** A task whose requests a test answers. */
export class Held {
  readonly script: FakeScript
  readonly #asked: ServerResponse[] = []
  #isReleased = false
  #more = Promise.withResolvers<void>()

  constructor() {
    this.script = {
      serve: (request: IncomingMessage, response: ServerResponse) => {
        request.resume()
        this.#asked.push(response)
        if (this.#isReleased) response.end('done')
        this.#more.resolve()
        this.#more = Promise.withResolvers()
      },
    }
  }

  get count(): number {
    return this.#asked.length
  }

  /** Answers all that come, and have come. */
  release(): void {
    this.#isReleased = true
    for (const response of this.#asked.filter((each) => !each.writableEnded)) response.end('done')
  }

  /** The nth that the task has got, counted from 0. */
  async request(index: number): Promise<ServerResponse> {
    for (;;) {
      const found = this.#asked[index]
      if (found !== undefined) return found
      await this.#more.promise
    }
  }
}

/** A node with one task of this image, and the token of who may invoke it. */
export async function openWith(
  script: FakeScript,
  settings: readonly string[] = [],
): Promise<{ node: V1Node; ada: string }> {
  const node = await openV1Node({ it: script }, undefined, settings)
  const ada = await node.token('ada', 'read', 'submit')
  assert.equal((await node.call(ada, 'PUT /v1/tasks/it', { image: 'it' })).status, 201)
  return { node, ada }
}

export function read({ text: body }: Answer): InvocationView {
  return JSON.parse(body)
}

/** Asks for an answer later, and gives what is told at once. */
export async function invoke(
  node: V1Node,
  token: string,
  headers: Readonly<Record<string, string>> = {},
  asked: string = INVOKE,
  body: object = {},
): Promise<InvocationView> {
  const answer = await node.call(token, asked, body, { ...LATER, ...headers })
  assert.equal(answer.status, 202, answer.text)
  const view = read(answer)
  assert.equal(answer.headers.location, `/v1/invocations/${view.id}`)
  assert.equal(answer.headers['preference-applied'], 'respond-async')
  return view
}

/** What it is once it has ended. */
export async function ended(node: V1Node, token: string, id: string): Promise<InvocationView> {
  const answer = await node.call(token, `GET /v1/invocations/${id}/wait?timeout=50s`)
  assert.equal(answer.status, 200, answer.text)
  return read(answer)
}
