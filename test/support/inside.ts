import { type ConformanceBench, OutputRecorder } from '../../src/engine/conformance-bench.ts'
import type { SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'

/** The shell of images that have the program of busybox. */
export const SHELL: readonly string[] = ['/bin/busybox', 'sh', '-c']

/** A sandbox of the image `waits`, which serves nothing; the bench removes it. */
export async function running(bench: ConformanceBench, changes: Partial<SandboxSpec>): Promise<SandboxRef> {
  const ref = await bench.createPortless(bench.images.waits, changes)
  await bench.engine.start(ref, bench.signal)
  return ref
}

/** What a script printed inside, in order, both streams. Its exit code does not matter. */
export async function inside(bench: ConformanceBench, ref: SandboxRef, script: string): Promise<string> {
  const output = new OutputRecorder()
  const argv = [...SHELL, `exec 2>&1; bb() { /bin/busybox "$@"; }; ${script}`]
  await bench.engine.exec(ref, { argv }, output.sink, bench.signal)
  return output.bytes('stdout').toString().trimEnd()
}

/** Size in KiB and most files of a mount, as the task sees it. */
export async function sizesOf(bench: ConformanceBench, ref: SandboxRef, path: string): Promise<string[]> {
  const size = "bb awk 'NR == 2 { print $2 }'"
  const text = await inside(bench, ref, `bb df -P -k ${path} | ${size}; bb df -P -i ${path} | ${size}`)
  return text.split('\n')
}
