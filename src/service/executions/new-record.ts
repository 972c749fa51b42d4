import type { ExecutionRecord } from '../executor.ts'
import type { ExecutionDeps } from './execution-deps.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import { termsOf } from './terms.ts'

/** What is known of an execution when it is accepted. */
export function newRecord(
  { executorId, clock, configVersion: versionNow }: Pick<ExecutionDeps, 'executorId' | 'clock' | 'configVersion'>,
  plan: ExecutionPlan,
  resultsDir: string,
  engine: string,
): ExecutionRecord {
  const { executionId, jobId, callerId, request, resources, gpus, pidsLimit, diskBytes } = plan
  const configVersion = versionNow?.()
  return {
    executionId,
    jobId,
    executorId,
    callerId,
    status: 'accepted',
    message: '',
    attempt: 1,
    exitCode: -1,
    isOomKilled: false,
    wasForced: false,
    warnings: [],
    times: { acceptedMs: clock.wallMs() },
    request,
    terms: termsOf(plan),
    ...(configVersion !== undefined && { configVersion }),
    resources: { asked: { ...resources, gpus, ...(pidsLimit && { pids: pidsLimit }), diskBytes }, used: {} },
    gpus: [],
    engine,
    ports: [],
    logs: { stdoutBytes: 0, stderrBytes: 0, droppedBytes: 0, gaps: 0 },
    outputs: [],
    resultsDir,
  }
}
