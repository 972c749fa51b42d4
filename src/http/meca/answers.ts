import type { ErrandError } from '../../core/errors.ts'
import type { TaskAnswer } from '../../service/node-api.ts'

/** How the face words its answers: as the original did, or (`rich`) with a code and whatever else helps a program. */
export type Wording = 'rich' | 'strict'

/** What a task answered. Its own error status is a failure of the task: no code of ours belongs to it. */
export function taskAnswer(answer: TaskAnswer, wording: Wording): string {
  const msg = JSON.stringify(answer.body.toString('utf8'))
  const isSuccess = answer.status >= 200 && answer.status < 300
  if (isSuccess || wording === 'strict') return `{"success":true,"msg":${msg}}`
  return `{"success":false,"msg":${msg},"status":${answer.status}}`
}

/** What the node could not do, or would not. */
export function failure(error: ErrandError, wording: Wording): string {
  const plain = { success: false, msg: error.message }
  if (wording === 'strict') return JSON.stringify(plain)
  const { code, retryAfterMs, details } = error
  const coded = { ...plain, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  return Object.keys(details).length === 0 ? JSON.stringify(coded) : withDetails(coded, details)
}

/** Details may hold what JSON cannot: the failure must be answered all the same. */
function withDetails(answer: object, details: object): string {
  try {
    return JSON.stringify({ ...answer, details })
  } catch {
    return JSON.stringify(answer)
  }
}

/** What a control call did. `config` is left out where the original had no such field. */
export function done(msg: string, wording: Wording, config?: object): string {
  const isPlain = config === undefined || wording === 'strict'
  return JSON.stringify(isPlain ? { success: true, msg } : { success: true, msg, config })
}
