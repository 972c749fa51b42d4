import { MIB } from '../core/resources.ts'
import type { FakeProcess, FakeScript } from '../engine/fake/fake-engine.ts'
import type { ProgramName } from './conformance-programs.ts'

type Program = (process: FakeProcess, args: readonly string[]) => Promise<number>

const FOREVER_MS = 2 ** 31 - 1

/** The programs of the suite, as a fake process plays them. */
const PROGRAMS: Readonly<Record<ProgramName, Program>> = {
  async print(process, [out = '', err = '', code = '0']) {
    if (out !== '') process.print(out)
    if (err !== '') process.print({ stream: 'stderr', data: err })
    return Number(code)
  },
  async bytes(process, [format = '']) {
    const bytes = [...format.matchAll(/\\(\d{3})/g)].map(([, digits = '']) => Number.parseInt(digits, 8))
    process.print({ stream: 'stdout', data: Buffer.from(bytes) })
    return 0
  },
  async flood(process, [bytes]) {
    await process.flood(Number(bytes))
    return 0
  },
  async tick(process, [count]) {
    for (let i = 1; i <= Number(count); i += 1) {
      process.print(`tick ${i}\n`)
      await process.sleep(300)
    }
    return 0
  },
  async wait(process) {
    process.print('ready\n')
    await process.untilSignal('SIGTERM')
    return 143
  },
  async stubborn(process) {
    const caught = process.untilSignal('SIGTERM')
    process.print('ready\n')
    await caught
    await process.sleep(FOREVER_MS)
    return 0
  },
  async catch(process, [name = '']) {
    const ignored = process.untilSignal('SIGTERM')
    ignored.catch(() => {})
    const caught = process.untilSignal(`SIG${name}` as NodeJS.Signals)
    process.print('ready\n')
    await caught
    process.print('caught\n')
    return 5
  },
  async eat(process) {
    process.print('hungry\n')
    for (let memoryBytes = MIB; !process.ended.aborted; memoryBytes *= 2) process.use({ memoryBytes })
    return 0
  },
  async kill(process) {
    process.print('bye\n')
    return 137
  },
  async spin(process, [rounds]) {
    process.use({ cpuNs: Number(rounds) * 1000 })
    return 0
  },
  async write(process, [path = '', text = '', code]) {
    process.write(path, text)
    return Number(code)
  },
  async tell(process) {
    const { workingDir } = process.spec.process
    process.print(`${workingDir}\n${process.environment.ANSWER}\n`)
    return 0
  },
  async limits(process) {
    const { resources, pidsLimit = 256 } = process.spec
    process.print(`memory=${resources.memoryBytes} pids=${pidsLimit} cpu=${resources.cpuMillis}\n`)
    return 0
  },
}

/** An image whose shell knows the programs of the suite, and nothing else. */
export const FAKE_SHELL: FakeScript = {
  run: async (process) => {
    const program = findProgram(process.argv)
    if (program !== undefined) return program.run(process, program.args)
    process.print({ stream: 'stderr', data: `fake: no such command: ${process.argv[0]}\n` })
    return 127
  },
  exec: async ({ argv, process, print }) => {
    const program = findProgram(argv)
    if (program === undefined) return undefined
    // It prints where its caller reads, not where the main process does.
    const own: FakeProcess = Object.assign(Object.create(process), { print })
    return { exitCode: await program.run(own, program.args) }
  },
}

/** Of `sh -c SCRIPT NAME ARG ...`. */
function findProgram(argv: readonly string[]): { readonly run: Program; readonly args: readonly string[] } | undefined {
  const [shell, option, _script, name = '', ...args] = argv
  if (shell !== '/bin/sh' || option !== '-c') return undefined
  const found = Object.entries(PROGRAMS).find(([known]) => known === name)
  return found && { run: found[1], args }
}
