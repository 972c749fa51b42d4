import { followEvents } from '../contract/operations/node.ts'
import { eventsSince, FORGOTTEN } from './event-feed.ts'
import { lastEventId } from './logs.ts'
import { isOwn } from './ownership.ts'
import { type Route, route } from './route.ts'
import { eventText, StreamAnswer } from './stream-answer.ts'
import { viewEvent } from './views.ts'

/** `GET /v1/events`: every change of a status, as it comes. `gap` says that some are not kept any more: look yourself. */
export const EVENTS_ROUTE: Route = route(
  followEvents,
  async ({ request, response, principal, query: { since }, signal }, { executions, clock, streams }) => {
    const lastSeq = lastEventId(request) ?? since
    using _slot = streams.take(principal.caller.id)
    using answer = new StreamAnswer(response, clock, signal)
    answer.beginEvents()
    if (answer.isOver) return undefined
    for await (const event of eventsSince(executions, lastSeq, signal)) {
      if (event === FORGOTTEN) await answer.write(eventText('gap', {}))
      else if (isOwn(principal, event)) await answer.write(eventText('execution', viewEvent(event), event.seq))
    }
    return undefined
  },
)
