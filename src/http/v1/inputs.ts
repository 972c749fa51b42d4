import { ErrandError } from '../../core/errors.ts'
import { uploadInputs } from '../contract/operations/executions.ts'
import { allowLongUpload } from '../long-upload.ts'
import { ownRecord } from './ownership.ts'
import { bytesOf } from './request-bytes.ts'
import { type Route, route } from './route.ts'
import { StallWatch } from './stall-watch.ts'
import { viewExecution } from './views.ts'

/** How long a sender may send nothing. Nothing is kept of half an upload: it begins anew. */
const STALL_MS = 60_000

/** `PUT /v1/executions/{id}/inputs`: an archive, straight to the disk. */
export const INPUTS_ROUTE: Route = route(
  uploadInputs,
  async ({ request, principal, id, signal }, { executions, clock, streams }) => {
    await ownRecord(executions, principal, id)
    using _slot = streams.take(principal.caller.id)
    allowLongUpload(request)
    const stalled = new AbortController()
    using watch = new StallWatch(clock, STALL_MS, () =>
      stalled.abort(new ErrandError('deadline_exceeded', 'nothing more of the upload came')),
    )
    await executions.putInputs(id, bytesOf(request, watch), AbortSignal.any([signal, stalled.signal]))
    return { status: 200, value: viewExecution(await ownRecord(executions, principal, id)) }
  },
)
