import type { AnyOperation } from '../openapi/document.ts'
import { EVENTS_ROUTE } from './events.ts'
import { EXECUTION_ROUTES } from './executions.ts'
import { LOGS_ROUTE } from './logs.ts'
import { NODE_ROUTES } from './node.ts'
import type { Route } from './route.ts'

/** Everything that is served below /v1. */
export const V1_ROUTES: readonly Route[] = [...EXECUTION_ROUTES, LOGS_ROUTE, ...NODE_ROUTES, EVENTS_ROUTE]

/** What that is, without how. */
export const V1_OPERATIONS: readonly AnyOperation[] = V1_ROUTES.map(({ operation }) => operation)
