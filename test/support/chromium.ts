import { type Browser, chromium, type Page } from 'playwright-core'

/** Debian's, which `scripts/setup.sh --with-browser` installs. */
const EXECUTABLE = '/usr/bin/chromium'

/** Root has no sandbox, machines of tests have no GPU, and nothing is asked of the network that a test does not ask for. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // The browser's own guard of this host, which not every browser has: with it no attack of a page would get here.
  '--disable-features=LocalNetworkAccessChecks,HttpsUpgrades',
]

export interface BrowserOptions {
  /** Host names that lead to 127.0.0.1, whatever the port: what an attacker's name server would say. */
  readonly loopbackNames?: readonly string[]
}

/** A headless Chromium with a profile of its own. Disposing ends it, and leaves nothing. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser

  private constructor(browser: Browser) {
    this.#browser = browser
  }

  static async open({ loopbackNames = [] }: BrowserOptions = {}): Promise<TestBrowser> {
    const rules = loopbackNames.map((name) => `MAP ${name} 127.0.0.1`).join(',')
    const args = [...FLAGS, ...(rules === '' ? [] : [`--host-resolver-rules=${rules}`])]
    return new TestBrowser(await chromium.launch({ executablePath: EXECUTABLE, args }))
  }

  /** An empty page in a context of its own: no cookies, no cache of another page. */
  async newPage(): Promise<Page> {
    const context = await this.#browser.newContext()
    return context.newPage()
  }

  /**
   * A page that claims to come from this URL, without anybody being asked for it: what has come from a name before that now
   * leads elsewhere.
   */
  async pageFrom(url: string, html = ''): Promise<Page> {
    const page = await this.newPage()
    await page.route(url, (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html>${html}` }))
    await page.goto(url)
    return page
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
  }
}

export function openBrowser(options?: BrowserOptions): Promise<TestBrowser> {
  return TestBrowser.open(options)
}
