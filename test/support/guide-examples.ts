import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** A folder with the complete examples of one page of the guide: the `ts` blocks that import something. */
export class GuideExamples implements AsyncDisposable {
  readonly files: readonly string[]
  readonly #folder: string

  private constructor(folder: string, files: readonly string[]) {
    this.#folder = folder
    this.files = files
  }

  static async extract(page: string): Promise<GuideExamples> {
    const text = await readFile(join(ROOT, 'docs/guide', page), 'utf8')
    const sources = await sourceFiles()
    const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block)
    const whole = blocks.filter((block) => /^import /m.test(block))
    const texts = whole.map((block) =>
      block.replaceAll(/from '(errand[^']*)'/g, (_all, name: string) => `from '${sources(name)}'`),
    )
    const folder = await mkdtemp(join(tmpdir(), 'errand-guide-'))
    const files = texts.map((_text, index) => join(folder, `example-${index + 1}.test.ts`))
    // As in the project of a reader: modules.
    await writeFile(join(folder, 'package.json'), '{"type": "module"}')
    await Promise.all(texts.map(async (content, index) => writeFile(files[index] ?? '', content)))
    return new GuideExamples(folder, files)
  }

  /** Rejects with what the compiler says against them. */
  async compile(): Promise<void> {
    const typeRoots = [join(ROOT, 'node_modules/@types')]
    // The checkout is named by absolute paths, which nothing rewrites.
    const compilerOptions = { typeRoots, rewriteRelativeImportExtensions: false }
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
    const path = join(this.#folder, 'tsconfig.json')
    await writeFile(path, JSON.stringify(config))
    await this.#node([join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', path])
  }

  /** Rejects with what a failing example says. All in one process, since each loads the same. */
  async run(): Promise<void> {
    await this.#node(['--test', '--test-isolation=none', ...this.files])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true })
  }

  async #node(args: readonly string[]): Promise<void> {
    try {
      // Without the environment of this test: in that, tests under a test are skipped.
      await run(process.execPath, args, { cwd: this.#folder, timeout: 120_000, env: {} })
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      throw new Error(`node ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
    }
  }
}

/** Where the checkout has what the package exports by a name. */
async function sourceFiles(): Promise<(name: string) => string> {
  const { exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    exports: Record<string, { default: string }>
  }
  return (name) => {
    const built = exports[name.replace('errand', '.')]?.default
    if (built === undefined) throw new Error(`the package exports no ${name}`)
    return join(ROOT, built.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))
  }
}
