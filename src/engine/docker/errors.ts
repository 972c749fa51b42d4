import { ErrandError, type ErrorCode } from '../../core/errors.ts'
import { pullError } from './pull-errors.ts'

/** What the Engine was asked to do: one text means different things in different calls. */
export type EngineOperation =
  | 'ping'
  | 'probe'
  | 'find'
  | 'pull'
  | 'create'
  | 'attach'
  | 'start'
  | 'inspect'
  | 'list'
  | 'signal'
  | 'remove'
  | 'pause'
  | 'resume'
  | 'output'
  | 'exec'
  | 'stats'
  | 'collect'
  | 'events'
  | 'network'

interface TextRule {
  readonly operations: readonly EngineOperation[]
  readonly text: RegExp
  readonly code: ErrorCode
}

const LAUNCH: readonly EngineOperation[] = ['create', 'start']

/**
 * What the Engine's texts mean; the first match counts. The status does not tell: every failure to launch is a 400. Texts
 * of Engine 20.10, and of later ones where known to differ. Pulls have tables of their own.
 */
const TEXT_RULES: readonly TextRule[] = [
  { operations: LAUNCH, text: /no space left on device/i, code: 'storage_full' },

  { operations: ['create'], text: /no such image/i, code: 'image_not_found' },
  { operations: ['create'], text: /no command specified/i, code: 'image_invalid' },
  { operations: ['create'], text: /unknown (or invalid )?runtime/i, code: 'runtime_unavailable' },
  { operations: ['create'], text: /range of cpus|minimum memory limit/i, code: 'resources_unsatisfiable' },
  {
    operations: LAUNCH,
    text: /bind source path does not exist|gathering device information|could not select device driver/i,
    code: 'runtime_unavailable',
  },
  // NVIDIA's own launcher inside a start: the GPU is gone, or its driver is broken.
  { operations: ['start'], text: /nvidia-container-cli: /i, code: 'runtime_unavailable' },

  // The runtime itself could not be executed. Its text also ends in "executable file not found": ask before the next one.
  { operations: ['start'], text: /unable to retrieve OCI runtime error|fork\/exec/i, code: 'runtime_unavailable' },
  { operations: ['exec'], text: /is not running|no such exec instance/i, code: 'task_gone' },
  {
    operations: ['start', 'exec'],
    text: /executable file not found|exec: .*(no such file|permission denied)|exec format error/i,
    code: 'command_not_found',
  },
  // What else the runtime says when it could not join a sandbox is the many ways in which that exits at this moment.
  {
    operations: ['exec'],
    text: /unable to find (user|group)|chdir to cwd|ids must be in range/i,
    code: 'validation_failed',
  },
  { operations: ['exec'], text: /OCI runtime|cannot exec|ttrpc|task \S+ not found/i, code: 'task_gone' },
  {
    operations: LAUNCH,
    text: /network \S+ not found|no available ip|address already in use|port is already allocated|assign requested addr/i,
    code: 'network_unavailable',
  },
]

/** Where no text matched. */
const OPERATION_CODES: Partial<Record<EngineOperation, ErrorCode>> = { network: 'network_unavailable' }

const STATUS_CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'validation_failed',
  404: 'not_found',
  409: 'already_exists',
  503: 'engine_unavailable',
}

const RETRY_AFTER_MS: Partial<Record<ErrorCode, number>> = { engine_unavailable: 1000 }

/** Only this and `pull-errors.ts` read the Engine's words: its refusal of one call as an error of ours. */
export function engineError(operation: EngineOperation, status: number, message: string): ErrandError {
  if (operation === 'pull') return pullError(status, message)
  const rule = TEXT_RULES.find(({ operations, text }) => operations.includes(operation) && text.test(message))
  const code = rule?.code ?? OPERATION_CODES[operation] ?? codeOfStatus(operation, status)
  const retryAfterMs = RETRY_AFTER_MS[code]
  return new ErrandError(code, `Docker Engine: ${message.trim()}`, {
    details: { operation, status },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function codeOfStatus(operation: EngineOperation, status: number): ErrorCode {
  if (status === 409 && operation !== 'create') return 'task_gone'
  return STATUS_CODES[status] ?? 'internal'
}

/** The Engine gave no answer: whether the call took effect is unknown. */
export function noAnswer(what: string, cause?: unknown): ErrandError {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  return new ErrandError('engine_unavailable', `the Docker Engine gave no answer to ${what}${why}`, {
    retryAfterMs: 1000,
    cause,
  })
}
