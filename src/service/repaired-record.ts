import { isTerminal } from '../core/execution.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import type { SandboxView } from '../engine/engine.ts'
import { attemptOf, type LabelledExecution } from '../instance/identity.ts'
import { LOCAL_CALLER } from './executions/plan-execution.ts'
import type { ExecutionRecord } from './executor.ts'

/** When and where a repair is made. */
export interface RepairTime {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number
  /** When this host was started, and the id of that boot. */
  readonly bootMs: number
  readonly bootId: string
}

const MADE_ANEW =
  'its record was made anew from its container after the journal was damaged: its caller, its time limit, and which ' +
  'outputs it was to have are lost'
const WAS_READ = 'its record was read from a damaged journal, and may miss what was recorded last'

const UNKNOWN = 'the journal was damaged; what became of it cannot be known'
const NOT_BEGUN = 'the journal was damaged before it ran, and what it was to run is lost'
const MAY_HAVE_BEEN_ENDED = 'it exited with 0, but the journal was damaged: whether it had been told to end is lost'

/**
 * How a record that was read from a damaged journal goes on. It may be an old one, so nothing is begun that may have run
 * before, and nothing is called a success that nobody has seen to be one.
 */
export function resumeRead(record: ExecutionRecord, view: SandboxView | undefined, time: RepairTime): ExecutionRecord {
  if (isTerminal(record.status)) return record
  // Its container has not been started: it has not run.
  if (view?.state === 'created') return record
  const warned = { ...record, warnings: [...record.warnings, WAS_READ] }
  return view === undefined ? asLost(warned, UNKNOWN, time) : asRunning(warned, view, time)
}

/** A record for a container that has none. */
export function rebuild(
  labelled: LabelledExecution,
  view: SandboxView,
  engine: string,
  resultsDir: string,
  time: RepairTime,
): ExecutionRecord {
  const { id, executor, job, attempt, imageId, resources } = labelled
  // Of which kind they were is lost.
  const gpus = resources.gpus === 0 ? [] : [{ count: resources.gpus }]
  const request: ExecutionRequest = {
    executionId: id,
    jobId: job,
    engineSpec: { type: engine, params: { image: imageId } },
    resources: { cpu: resources.cpuMillis / 1000, memoryBytes: resources.memoryBytes, gpus },
  }
  const record = {
    ...emptyRecord(id, executor, resultsDir, time, request),
    jobId: job,
    attempt,
    engine,
    image: { reference: imageId, id: imageId },
    resources: { asked: { ...resources, gpus, diskBytes: 0 }, used: {} },
    warnings: [MADE_ANEW],
  }
  return view.state === 'created' ? asLost(record, NOT_BEGUN, time) : asRunning(record, view, time)
}

/** A record for an execution of which no more than its files is left. */
export function lostRecord(id: string, executor: string, resultsDir: string, time: RepairTime): ExecutionRecord {
  const request = { executionId: id, engineSpec: { type: '', params: {} } }
  return asLost(emptyRecord(id, executor, resultsDir, time, request), UNKNOWN, time)
}

function asRunning(record: ExecutionRecord, view: SandboxView, time: RepairTime): ExecutionRecord {
  if (view.exit?.exitCode === 0) return asLost(record, MAY_HAVE_BEEN_ENDED, time)
  const endedOnAnotherBoot = view.exit !== undefined && (view.exit.finishedMs ?? 0) < time.bootMs
  return {
    ...record,
    // An old record may tell of an attempt before the one that is there.
    attempt: attemptOf(view),
    status: 'running',
    times: { ...record.times, runningMs: record.times.runningMs ?? time.nowMs },
    host: endedOnAnotherBoot ? { bootId: 'an earlier one' } : { bootId: time.bootId },
  }
}

function asLost(record: ExecutionRecord, message: string, { nowMs }: RepairTime): ExecutionRecord {
  return { ...record, status: 'lost', reason: 'runtime_lost', message, times: { ...record.times, endedMs: nowMs } }
}

function emptyRecord(
  executionId: string,
  executorId: string,
  resultsDir: string,
  { nowMs }: RepairTime,
  request: ExecutionRequest,
): ExecutionRecord {
  return {
    executionId,
    jobId: executionId,
    executorId,
    callerId: LOCAL_CALLER,
    status: 'accepted',
    message: '',
    attempt: 1,
    exitCode: -1,
    isOomKilled: false,
    wasForced: false,
    warnings: [],
    times: { acceptedMs: nowMs },
    request,
    resources: { asked: { cpuMillis: 0, memoryBytes: 0, gpus: [], diskBytes: 0 }, used: {} },
    gpus: [],
    engine: '',
    ports: [],
    logs: { stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0, gaps: 0 },
    outputs: [],
    resultsDir,
  }
}
