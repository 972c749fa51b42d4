import type { ErrandClient } from '../../client/client.ts'
import { EXECUTION_STATUSES, isTerminal } from '../../core/execution.ts'

/** What a node may know at least of: of more, these are the youngest, or the first. A page. */
const MOST = 200

type Ask = (client: ErrandClient, signal: AbortSignal) => Promise<readonly string[]>

const LIVE = EXECUTION_STATUSES.filter((status) => !isTerminal(status))

const executions: Ask = async (client, signal) =>
  (await client.executions.page({ limit: MOST, signal })).executions.map(({ id }) => id)

const liveExecutions: Ask = async (client, signal) =>
  (await client.executions.page({ limit: MOST, status: LIVE, signal })).executions.map(({ id }) => id)

const tasks: Ask = async (client, signal) =>
  (await client.tasks.page({ limit: MOST, signal })).tasks.map(({ name }) => name)

const instances: Ask = async (client, signal) => (await client.instances.list({ signal })).map(({ id }) => id)

const invocations: Ask = async (client, signal) =>
  (await client.invocations.page({ limit: MOST, signal })).invocations.map(({ id }) => id)

/** Commands whose first argument is the name of something that a node knows. */
const ASKED: ReadonlyMap<string, Ask> = new Map([
  ['errand logs', executions],
  ['errand outputs', executions],
  ['errand inspect', executions],
  ['errand rm', executions],
  ['errand wait', liveExecutions],
  ['errand cancel', liveExecutions],
  ['errand freeze', liveExecutions],
  ['errand thaw', liveExecutions],
  ['errand exec', liveExecutions],
  ['errand stats', liveExecutions],
  ['errand invoke', tasks],
  ['errand tasks put', tasks],
  ['errand tasks show', tasks],
  ['errand tasks rm', tasks],
  ['errand instances evict', instances],
  ['errand invocations get', invocations],
  ['errand invocations wait', invocations],
  ['errand invocations response', invocations],
  ['errand invocations rm', invocations],
])

/** How a node is asked what the first argument of a command may be; undefined where it does not know. */
export function askFor(path: string): Ask | undefined {
  return ASKED.get(path)
}

export const ASKING_COMMANDS: readonly string[] = [...ASKED.keys()]
