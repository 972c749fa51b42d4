import { renameFields } from '../../core/read-value.ts'
import type { ExecutionBody } from '../contract/execution-body.ts'

// The service checks requests in words of its own. Whoever sent a body is told of the fields that are in it.

/** What has another name in a body, by its path at the service; the rest of a path follows. */
const OF_RESOURCES: readonly (readonly [RegExp, string])[] = [
  [/^resources\.memoryBytes/, 'resources.memory'],
  [/^resources\.diskBytes/, 'resources.disk'],
  [/^(resources\.gpus\.\d+)\.minMemoryBytes/, '$1.minMemory'],
]
const OF_TASK: readonly (readonly [RegExp, string])[] = [...OF_RESOURCES, [/^provisionScripts/, 'provision']]
const OF_SURROUNDINGS: readonly (readonly [RegExp, string])[] = [
  ...OF_TASK,
  [/^(portsToBind\.\d+)\.executorPort/, '$1.port'],
  [/^(portsToBind\.\d+)\.ip/, '$1.hostIp'],
  [/^portsToBind/, 'ports'],
]
const OF_EXECUTION: readonly (readonly [RegExp, string])[] = [
  [/^executionId/, 'id'],
  [/^jobId/, 'job'],
]
const SURROUNDINGS = /^(resources|isolation|sgx|network|ports|profile|preset|provision|stopSignal)(?=\.|$)/

/** What `POST /v1/executions` refuses, in the words of its body. Other errors stay as they are. */
export function inWordsOfExecution(error: unknown, body: ExecutionBody): unknown {
  const around = body.task === undefined ? 'engineSpec' : 'task'
  return renameFields(error, (path) => {
    const own = replaced(path, [...OF_SURROUNDINGS, ...OF_EXECUTION])
    if (SURROUNDINGS.test(own)) return `${around}.${own}`
    return body.task === undefined ? own : ofTask(own, Object.keys(body.task.env ?? {}))
  })
}

/** The same for `PUT /v1/tasks/{name}`. */
export function inWordsOfTask(error: unknown): unknown {
  return renameFields(error, (path) => replaced(path, OF_TASK))
}

/** `variables`: the names of the task's, in the order in which the service has them. */
function ofTask(path: string, variables: readonly string[]): string {
  return path
    .replace(/^engineSpec\.params\.environment\.(\d+)/, (_all, index: string) => `task.env.${variables[Number(index)]}`)
    .replace(/^engineSpec\.params\.working_directory/, 'task.workingDir')
    .replace(/^engineSpec\.params/, 'task')
}

function replaced(path: string, names: readonly (readonly [RegExp, string])[]): string {
  return names.reduce((name, [from, to]) => name.replace(from, to), path)
}
