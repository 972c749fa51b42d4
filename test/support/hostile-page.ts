import { join } from 'node:path'
import type { Page } from 'playwright-core'

/** One way in which a page can ask another server for something. */
export interface Attempt {
  readonly how: string
  /** What the page got to read; undefined when the browser let it have nothing. */
  readonly read: string | undefined
}

/** A request that is worth making in somebody else's name. */
export interface Target {
  readonly method: string
  readonly path: string
  readonly body: string
}

const SCRIPT = join(import.meta.dirname, 'hostile-page.browser.js')

/** Makes a page try everything that pages can do, one after the other. Resolves when the last has come to its end. */
export async function attackFrom(page: Page, base: string, targets: readonly Target[]): Promise<Attempt[]> {
  await page.addScriptTag({ path: SCRIPT })
  return page.evaluate(`tryAll(${JSON.stringify(base)}, ${JSON.stringify(targets)})`)
}
