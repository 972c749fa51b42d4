import { Agent, type RequestOptions, request } from 'node:http'
import { text } from 'node:stream/consumers'

/** Sends each input in turn; rejects unless all are answered with 200 and the connection is kept open between them. */
export async function post(target: RequestOptions, inputs: readonly string[]): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const answers: string[] = []
    for (const input of inputs) answers.push(await postOne({ ...target, agent }, input, answers.length > 0))
    return answers
  } finally {
    agent.destroy()
  }
}

function postOne(target: RequestOptions, input: string, mustReuse: boolean): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { 'content-type': 'application/json' }
  const call = request({ ...target, method: 'POST', headers, timeout: 30_000 }, (response) => {
    if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`))
    else if (mustReuse && !call.reusedSocket) reject(new Error('the task closed the connection after its answer'))
    text(response).then(resolve, reject)
  })
  call.on('timeout', () => call.destroy(new Error('no answer for 30 s')))
  call.on('error', reject)
  call.end(input)
  return promise
}
