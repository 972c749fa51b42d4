import type { ExecutorTest } from './conformance-bench.ts'
import { CANCEL_TESTS } from './conformance-cancel.ts'
import { CLEANUP_TESTS, LEAK_TESTS } from './conformance-cleanup.ts'
import { FAILURE_TESTS } from './conformance-failures.ts'
import { OUTPUT_TESTS, PROVISION_TESTS } from './conformance-files.ts'
import { EXEC_TESTS, LIMIT_TESTS, PAUSE_TESTS, PORT_TESTS, STATS_TESTS } from './conformance-inside.ts'
import { LOG_TESTS } from './conformance-logs.ts'
import { RECORD_TESTS, STATUS_TESTS } from './conformance-record.ts'
import { ID_TESTS, REQUEST_TESTS } from './conformance-requests.ts'
import { START_TESTS, WAIT_TESTS } from './conformance-start.ts'

/** The tests, by what they are about: a row each in the table of `npm run conformance`. */
export const FEATURES: Readonly<Record<string, Readonly<Record<string, ExecutorTest>>>> = {
  'start and run': START_TESTS,
  wait: WAIT_TESTS,
  'ids and racing starts': ID_TESTS,
  'hostile and empty requests': REQUEST_TESTS,
  'status and waitForStatus': STATUS_TESTS,
  'failures as results': FAILURE_TESTS,
  'cancel and escalation': CANCEL_TESTS,
  'pause and resume': PAUSE_TESTS,
  'log streams': LOG_TESTS,
  'limits in the cgroup': LIMIT_TESTS,
  'provision scripts': PROVISION_TESTS,
  outputs: OUTPUT_TESTS,
  ports: PORT_TESTS,
  exec: EXEC_TESTS,
  stats: STATS_TESTS,
  'results and records': RECORD_TESTS,
  'remove and cleanup': CLEANUP_TESTS,
  'nothing is left': LEAK_TESTS,
}
