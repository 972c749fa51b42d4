import { type Refusal, refusal } from './refusal.ts'

const WRONG_METHOD = refusal(405, 'this path takes GET, HEAD', 'GET, HEAD')

/** Of a path at which there is something to read and nothing else: refuses any other method. */
export function unlessRead(method: string | undefined): Refusal | undefined {
  return method === 'GET' || method === 'HEAD' ? undefined : WRONG_METHOD
}
