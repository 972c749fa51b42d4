import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const PAGES = ['*.md', 'docs/**/*.md', 'examples/**/*.md']

/** One page that people read, by its path in the checkout. */
export interface Document {
  readonly path: string
  readonly text: string
  /** Without blocks of code. */
  readonly prose: string
}

export async function readDocuments(): Promise<readonly Document[]> {
  const paths = PAGES.flatMap((pattern) => globSync(pattern, { cwd: ROOT })).toSorted()
  return Promise.all(paths.map(readDocument))
}

export async function readDocument(path: string): Promise<Document> {
  const text = await readFile(join(ROOT, path), 'utf8')
  return { path, text, prose: text.replaceAll(/^ *```.*?^ *```$/gms, '') }
}

/** What a page gives to a shell, block by block, also in lists. */
export function shellBlocks(text: string): string[] {
  return [...text.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, block = '']) => block)
}
