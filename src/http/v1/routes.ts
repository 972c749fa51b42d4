import type { AnyOperation } from '../openapi/document.ts'
import { EVENTS_ROUTE } from './events.ts'
import { EXECUTION_ROUTES } from './executions.ts'
import { INPUTS_ROUTE } from './inputs.ts'
import { INSTANCE_ROUTES } from './instances.ts'
import { INVOCATION_ROUTES } from './invocations.ts'
import { INVOKE_ROUTE } from './invoke.ts'
import { LOGS_ROUTE } from './logs.ts'
import { NODE_ROUTES } from './node.ts'
import { OUTPUT_ROUTES } from './outputs.ts'
import type { Route } from './route.ts'
import { TASK_ROUTES } from './tasks.ts'

/** Everything that is served below /v1. */
export const V1_ROUTES: readonly Route[] = [
  ...EXECUTION_ROUTES,
  INPUTS_ROUTE,
  LOGS_ROUTE,
  ...OUTPUT_ROUTES,
  ...TASK_ROUTES,
  INVOKE_ROUTE,
  ...INVOCATION_ROUTES,
  ...INSTANCE_ROUTES,
  ...NODE_ROUTES,
  EVENTS_ROUTE,
]

/** What that is, without how. */
export const V1_OPERATIONS: readonly AnyOperation[] = V1_ROUTES.map(({ operation }) => operation)
