import { type ExecutionBody, type ExecutionBodyIn, executionBody } from '../execution-body.ts'
import {
  type ExecutionPage,
  type ExecutionView,
  type ExecView,
  executionPage,
  executionView,
  execView,
  type StatsView,
  statsView,
} from '../execution-view.ts'
import { type LogLine, logLine } from '../log-line.ts'
import type { Nothing, Operation } from '../operation.ts'
import {
  type CancelBody,
  cancelBody,
  type ExecBody,
  execBody,
  type ListQuery,
  type LogsQuery,
  listQuery,
  logsQuery,
  type WaitQuery,
  waitQuery,
} from '../requests.ts'

/** Of whatever needs its sandbox, and an engine that answers. */
const OF_SANDBOXES = ['not_found', 'already_ended', 'not_ready', 'engine_unavailable', 'task_gone'] as const
const RECORD = { description: 'The record.', value: executionView }

export const submitExecution: Operation<ExecutionView, ExecutionBody, Nothing, ExecutionBodyIn> = {
  id: 'submitExecution',
  method: 'POST',
  path: '/v1/executions',
  scope: 'submit',
  tag: 'executions',
  summary: 'Submit an execution.',
  description:
    'Answers as soon as the execution will not be forgotten, long before it runs. With an `Idempotency-Key` that stands for an execution of yours already, that one is the answer, with status 200.',
  headers: {
    'idempotency-key': '1 to 255 visible ASCII characters of your choice',
    traceparent: 'the W3C trace context that its spans are to belong to, where the node is traced',
  },
  body: executionBody,
  answers: {
    201: { ...RECORD, headers: { location: 'where its record is' } },
    200: { description: 'The key stood for this one.', value: executionView },
  },
  errors: [
    'already_exists',
    'key_conflict',
    'resources_unsatisfiable',
    'runtime_unavailable',
    'unsupported',
    'paused',
    'draining',
    'storage_full',
  ],
  examples: {
    command: {
      summary: 'One command, at most a minute',
      body: { task: { image: 'alpine', cmd: ['echo', 'hello'], resources: { memory: '64MiB' } }, timeoutMs: 60_000 },
    },
  },
}

export const listExecutions: Operation<ExecutionPage, Nothing, ListQuery> = {
  id: 'listExecutions',
  method: 'GET',
  path: '/v1/executions',
  scope: 'read',
  tag: 'executions',
  summary: 'List executions, the youngest first.',
  query: listQuery,
  repeated: ['label'],
  answers: { 200: { description: 'One page.', value: executionPage } },
}

export const getExecution: Operation<ExecutionView> = {
  id: 'getExecution',
  method: 'GET',
  path: '/v1/executions/{id}',
  scope: 'read',
  tag: 'executions',
  summary: 'Read the record of an execution.',
  answers: { 200: RECORD },
  errors: ['not_found'],
}

export const removeExecution: Operation<undefined> = {
  id: 'removeExecution',
  method: 'DELETE',
  path: '/v1/executions/{id}',
  scope: 'submit',
  tag: 'executions',
  summary: 'Forget an execution, with its output; one that has not ended is cancelled first.',
  answers: { 204: { description: 'It is forgotten.' } },
  errors: ['not_found', 'deadline_exceeded'],
}

export const waitForExecution: Operation<ExecutionView, Nothing, WaitQuery> = {
  id: 'waitForExecution',
  method: 'GET',
  path: '/v1/executions/{id}/wait',
  scope: 'read',
  tag: 'executions',
  summary: 'Wait for the end of an execution.',
  query: waitQuery,
  answers: {
    200: { description: 'It has ended.', value: executionView },
    202: { description: 'The time is up before its end: ask again.', value: executionView },
  },
  errors: ['not_found', 'deadline_exceeded'],
}

export const cancelExecution: Operation<ExecutionView, CancelBody> = {
  id: 'cancelExecution',
  method: 'POST',
  path: '/v1/executions/{id}/cancel',
  scope: 'submit',
  tag: 'executions',
  summary: 'End an execution: SIGTERM, and SIGKILL after `graceMs`.',
  body: cancelBody,
  description: 'Answered when that is recorded: from then on the next daemon sees to it if this one does not live to.',
  answers: { 200: { description: 'It is told to end; it may not have yet.', value: executionView } },
  errors: ['not_found', 'already_ended', 'draining'],
  examples: { now: { summary: 'Without grace', body: { graceMs: 0 } } },
}

export const pauseExecution: Operation<ExecutionView> = freezing('pause', 'Freeze the processes of an execution.')

export const resumeExecution: Operation<ExecutionView> = freezing('resume', 'Let frozen processes go on.')

export const execInExecution: Operation<ExecView, ExecBody> = {
  id: 'execInExecution',
  method: 'POST',
  path: '/v1/executions/{id}/exec',
  scope: 'submit',
  tag: 'executions',
  summary: 'Run a command inside a running execution.',
  body: execBody,
  answers: { 200: { description: 'What it came to.', value: execView } },
  errors: [...OF_SANDBOXES, 'unsupported', 'command_not_found', 'deadline_exceeded'],
  examples: {
    look: { summary: 'Look around, at most ten seconds', body: { argv: ['ls', '-l', '/'], timeoutMs: 10_000 } },
  },
}

export const getExecutionStats: Operation<StatsView> = {
  id: 'getExecutionStats',
  method: 'GET',
  path: '/v1/executions/{id}/stats',
  scope: 'read',
  tag: 'executions',
  summary: 'Read what a running execution uses.',
  answers: { 200: { description: 'What it uses now, and has used.', value: statsView } },
  errors: [...OF_SANDBOXES],
}

export const readExecutionLogs: Operation<LogLine, Nothing, LogsQuery> = {
  id: 'readExecutionLogs',
  method: 'GET',
  path: '/v1/executions/{id}/logs',
  scope: 'read',
  tag: 'executions',
  summary: 'Read the output of an execution, also while it runs.',
  description:
    'Lines of JSON unless `Accept` names events or text. `seq` has no gaps but those that are told. Events end with one named `end`.',
  query: logsQuery,
  headers: { 'last-event-id': 'the `seq` after which to go on; it wins over `since` and `tail`' },
  answers: {
    200: {
      description: 'The output, in order.',
      streams: { 'application/x-ndjson': logLine, 'text/event-stream': logLine, 'text/plain': undefined },
    },
  },
  errors: ['not_found'],
}

export const uploadInputs: Operation<ExecutionView> = {
  id: 'uploadInputs',
  method: 'PUT',
  path: '/v1/executions/{id}/inputs',
  scope: 'submit',
  tag: 'executions',
  summary: 'Send the files that an execution waits for.',
  description:
    'A tar archive, not compressed, with every `upload` of the request as a file or folder of that name at its top, and nothing else. It is answered when all of it is on the disk; half an upload is nothing. Another may take its place until the execution starts.',
  streamedBody: 'application/x-tar',
  answers: { 200: { description: 'They are here, and will not be lost.', value: executionView } },
  errors: [
    'not_found',
    'already_exists',
    'already_ended',
    'storage_full',
    'deadline_exceeded',
    'cancelled',
    'draining',
  ],
}

const ARCHIVE = { 'application/x-tar': undefined }
const BYTES = { 'application/octet-stream': undefined }

export const readOutputs: Operation<undefined> = {
  id: 'readOutputs',
  method: 'GET',
  path: '/v1/executions/{id}/outputs',
  scope: 'read',
  tag: 'executions',
  summary: 'Read all outputs of an execution that has ended.',
  answers: { 200: { description: 'A tar archive with each output by its name.', streams: ARCHIVE } },
  errors: ['not_found', 'not_ready'],
}

export const readOutput: Operation<undefined> = {
  id: 'readOutput',
  method: 'GET',
  path: '/v1/executions/{id}/outputs/{path...}',
  scope: 'read',
  tag: 'executions',
  summary: 'Read one output, or a file or folder in one.',
  description: 'The path begins with the name of an output. A folder comes as a tar archive, a file as it is.',
  headers: { range: 'one range of a file, such as `bytes=1000-`' },
  answers: {
    200: { description: 'The file or folder.', streams: { ...BYTES, ...ARCHIVE } },
    206: { description: 'The range of the file.', streams: BYTES, headers: { 'content-range': 'which it is' } },
  },
  errors: ['not_found', 'not_ready'],
}

function freezing(verb: 'pause' | 'resume', summary: string): Operation<ExecutionView> {
  return {
    id: `${verb}Execution`,
    method: 'POST',
    path: `/v1/executions/{id}/${verb}`,
    scope: 'submit',
    tag: 'executions',
    summary,
    answers: { 200: RECORD },
    errors: [...OF_SANDBOXES, 'unsupported', 'storage_full'],
  }
}
