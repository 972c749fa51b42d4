import { open } from 'node:fs/promises'
import { ErrandError } from '../../core/errors.ts'

const LINE = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\x20-\x7e]*?)[ \t]*$/

/**
 * What a collector wants to be told with every request, such as `Authorization: Bearer ...`: one header a line; empty lines
 * and those that begin with # are passed over.
 * @throws validation_failed for a file that cannot be read, that others can read, or that has another line
 */
export async function readHeadersFile(path: string): Promise<Record<string, string>> {
  const lines = (await readSecret(path)).split(/\r?\n/)
  const headers: Record<string, string> = {}
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, value] = LINE.exec(line) ?? []
    // The line itself may be a secret.
    if (name === undefined || value === undefined) throw unusable(path, `line ${index + 1} is no "Name: value"`)
    headers[name] = value
  }
  return headers
}

async function readSecret(path: string): Promise<string> {
  try {
    await using file = await open(path)
    const { mode } = await file.stat()
    if ((mode & 0o077) === 0) return await file.readFile('utf8')
  } catch (error) {
    throw unusable(path, (error as NodeJS.ErrnoException).code ?? String(error), error)
  }
  throw unusable(path, 'others can read it: its mode must be 0600')
}

function unusable(path: string, why: string, cause?: unknown): ErrandError {
  return new ErrandError('validation_failed', `tracing.headersFile ${path} cannot be used: ${why}`, { cause })
}
