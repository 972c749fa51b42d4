import type { DatabaseSync } from 'node:sqlite'

/** Each in its own index: a long history costs nothing where there is only one name. */
const HAS_OTHERS = `SELECT EXISTS (SELECT 1 FROM executions WHERE executor < :id)
  OR EXISTS (SELECT 1 FROM executions WHERE executor > :id) AS hasOthers`

/** In this order: what stays behind, for its id is taken, keeps its key and its labels. */
const MOVES = [
  `UPDATE OR IGNORE executions SET executor = :id,
    record = iif(json_valid(record), json_set(record, '$.executorId', :id), record) WHERE executor <> :id`,
  `UPDATE OR IGNORE keys SET executor = :id WHERE executor <> :id AND NOT EXISTS
    (SELECT 1 FROM executions AS e WHERE e.executor = keys.executor AND e.id = keys.id)`,
  `UPDATE labels SET executor = :id
    WHERE executor <> :id AND EXISTS (SELECT 1 FROM executions AS e WHERE e.seq = labels.seq AND e.executor = :id)`,
  'UPDATE events SET executor = :id WHERE executor <> :id',
]

/**
 * Brings all records under one name, in a transaction of its caller: names of nodes were in them, and nodes are renamed.
 * Returns the youngest one's name, or `executorId` where there is none.
 */
export function adopt(database: DatabaseSync, executorId: string): string {
  const youngest = database.prepare('SELECT executor FROM executions ORDER BY seq DESC LIMIT 1').get()
  const id = youngest === undefined ? executorId : String(youngest.executor)
  const { hasOthers } = database.prepare(HAS_OTHERS).get({ id }) ?? {}
  if (hasOthers === 1) for (const sql of MOVES) database.prepare(sql).run({ id })
  return id
}
