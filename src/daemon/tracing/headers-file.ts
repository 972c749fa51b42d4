import { readSecretFile, unusableFile } from '../secret-file.ts'

const KEY = 'tracing.headersFile'
const LINE = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\x20-\x7e]*?)[ \t]*$/

/**
 * What a collector wants to be told with every request, such as `Authorization: Bearer ...`: one header a line; empty lines
 * and those that begin with # are passed over.
 * @throws validation_failed for a file that cannot be read, that others can read, or that has another line
 */
export async function readHeadersFile(path: string): Promise<Record<string, string>> {
  const lines = (await readSecretFile(KEY, path)).split(/\r?\n/)
  const headers: Record<string, string> = {}
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, value] = LINE.exec(line) ?? []
    // The line itself may be a secret.
    if (name === undefined || value === undefined)
      throw unusableFile(KEY, path, `line ${index + 1} is no "Name: value"`)
    headers[name] = value
  }
  return headers
}
