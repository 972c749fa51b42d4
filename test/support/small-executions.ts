import { MIB } from '../../src/core/resources.ts'
import type { ExecutionBody } from '../../src/http/contract/execution-body.ts'
import type { Meant } from './execution-invariants.ts'

interface Wish {
  /** How many seconds it runs, printing a line each; 0 for one line. */
  readonly seconds?: number
  readonly exitCode?: number
  /** Whether it leaves a file of a little more than 64 KiB to be brought in. */
  readonly hasOutput?: boolean
  readonly timeoutMs?: number
  /** Default: 16. */
  readonly memoryMib?: number
}

export interface SmallExecution {
  readonly id: string
  readonly body: ExecutionBody
  readonly meant: Meant
}

const SCRIPT = `echo "begin $1"
i=0; while [ $i -lt $2 ]; do i=$((i + 1)); sleep 1; echo "line $i of $1"; done
[ -z "$4" ] || seq 15000 >/result
exit $3`

/** The file that `hasOutput` is about. */
export const OUTPUT_BYTES = 78_894

/** A script for a shell that counts seconds, then exits with a code. */
export function smallExecution(id: string, image: string, wish: Wish = {}): SmallExecution {
  const { seconds = 0, exitCode = 0, hasOutput = false, timeoutMs, memoryMib = 16 } = wish
  const args = [id, String(seconds), String(exitCode), hasOutput ? 'yes' : '']
  const lines = Array.from({ length: seconds }, (_, index) => `line ${index + 1} of ${id}\n`)
  const body = {
    id,
    task: { image, cmd: ['/bin/sh', '-c', SCRIPT, 'small', ...args], resources: { cpu: 0.1, memory: memoryMib * MIB } },
    ...(hasOutput && { outputs: [{ path: '/result' }] }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  }
  return { id, body, meant: { exitCode, log: `begin ${id}\n${lines.join('')}` } }
}
