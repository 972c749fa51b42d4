import { uploadInputs } from '../contract/operations/executions.ts'
import { Incoming } from './incoming.ts'
import { ownRecord } from './ownership.ts'
import { type Route, route } from './route.ts'
import { viewExecution } from './views.ts'

/** `PUT /v1/executions/{id}/inputs`: an archive, straight to the disk. */
export const INPUTS_ROUTE: Route = route(
  uploadInputs,
  async ({ request, principal, id, signal }, { executions, clock, streams }) => {
    await ownRecord(executions, principal, id)
    using _slot = streams.take(principal.caller.id)
    using incoming = Incoming.open(request, { clock, signal })
    await executions.putInputs(id, incoming.pieces(), incoming.signal)
    return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
  },
)
