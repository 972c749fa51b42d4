import type { Connection } from './connection.ts'

export interface TaskSize {
  readonly cpu: number
  readonly mem: number
}

/** What a task gets as its body: 25 bytes, as many as the smallest sample answers with. */
export const INPUT = 'Hello there, static task.'

/** The body of an invocation on the MECA face. */
export function invocationBody(image: string, { cpu, mem }: TaskSize): string {
  return JSON.stringify({ id: image, resource: { cpu, mem }, input: INPUT })
}

/** A whole HTTP request as bytes. @param more lines of its head */
export function post(body: string, path = '/', more: readonly string[] = []): Buffer {
  const length = `content-length: ${Buffer.byteLength(body)}`
  const head = ['host: 127.0.0.1', 'content-type: application/json', length, ...more]
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n${body}`)
}

/** A request for something to read, as bytes. */
export function get(path: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
}

/** The same request as a task gets it, for sending it straight to an instance. */
export const STRAIGHT: Buffer = post(INPUT)

/** Sends one invocation. @throws unless it succeeded */
export async function invoke(connection: Connection, body: string): Promise<number> {
  const answer = await connection.request(post(body))
  const { success, msg } = JSON.parse(answer.body) as { success: boolean; msg: string }
  if (!success) throw new Error(`an invocation failed: ${msg}`)
  return answer.tookMs
}

const NAME = 'bench'

/** Where the named task on /v1 is invoked that `defineTask` defines. */
export const INVOKE_PATH: string = `/v1/tasks/${NAME}/invoke`

/** One invocation of it, as bytes. */
export const PASSED_THROUGH: Buffer = post(INPUT, INVOKE_PATH)

/**
 * Defines the task that `PASSED_THROUGH` invokes, and warms it up. @throws unless that succeeded
 * @param more lines of the head: credentials, where the listener wants some
 */
export async function defineTask(
  connection: Connection,
  image: string,
  { cpu, mem }: TaskSize,
  more: readonly string[] = [],
): Promise<void> {
  const definition = JSON.stringify({ image, resources: { cpu, memory: `${mem}MiB` } })
  const message = post(definition, `/v1/tasks/${NAME}`, more).toString().replace('POST', 'PUT')
  await connection.request(Buffer.from(message))
  await connection.request(post(INPUT, INVOKE_PATH, more))
}
