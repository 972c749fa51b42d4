import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ConformanceBench, joinOutput, refused } from '../../src/engine/conformance-bench.ts'
import type { GpuDevice, OutputChunk, SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { docker, openDocker } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'
import { ensureTask } from '../support/test-tasks.ts'

// The test machine has no GPU. What stands in for a render node is a second node of `/dev/null`: that the Engine makes
// the device, with its group, is proven; that a driver then computes is not, nor what NVIDIA's runtime does.

const images = await engineImages()
/** No image knows these. */
const RENDER_GROUP = 44_109
const VIDEO_GROUP = 44_044
const SOME_USER = 61_184

interface RenderNode extends AsyncDisposable {
  readonly path: string
}

/** Open to its group alone, as render nodes are. Not in `/tmp`: inside, that is a folder in memory, without devices. */
async function openRenderNode(): Promise<RenderNode> {
  const folder = await mkdtemp('/var/tmp/errand-gpu-')
  const path = join(folder, 'renderD129')
  await promisify(execFile)('mknod', [path, 'c', '1', '3'])
  await chown(path, 0, RENDER_GROUP)
  await chmod(path, 0o660)
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

function intel(renderNode: string): GpuDevice {
  return { vendor: 'intel', index: 0, renderNode, groupIds: [RENDER_GROUP, VIDEO_GROUP] }
}

class GpuBench extends ConformanceBench {
  /** A sandbox of the image `waits`, started; the caller removes it. */
  async startWith(change: Partial<SandboxSpec>): Promise<SandboxRef> {
    const ref = await this.createWith(change)
    await this.engine.start(ref, this.signal)
    return ref
  }

  async createWith(change: Partial<SandboxSpec>): Promise<SandboxRef> {
    const spec = { ...(await this.spec(this.images.waits)), ...change }
    return this.engine.create(spec, this.identity(), this.signal)
  }

  /** What a command prints inside. */
  async prints(ref: SandboxRef, argv: readonly string[]): Promise<string> {
    const output: OutputChunk[] = []
    await this.engine.exec(ref, { argv }, (chunk) => void output.push(chunk), this.signal)
    return Buffer.concat([joinOutput(output, 'stdout'), joinOutput(output, 'stderr')])
      .toString()
      .trim()
  }
}

function shell(command: string): string[] {
  return ['/bin/busybox', 'sh', '-c', command]
}

for (const profile of ['standard', 'strict'] as const) {
  test(`a task in the profile ${profile} opens the render node that stands in for its GPU by its group, and no other device`, async () => {
    await using node = await openRenderNode()
    await using engine = await openDocker()
    await using bench = new GpuBench(engine, images)
    const process = { user: `${SOME_USER}:${SOME_USER}` }
    const ref = await bench.startWith({ profile, process, gpus: [intel(node.path)] })
    try {
      const [groups, listed, opened, others, variable] = await Promise.all(
        [
          '/bin/busybox id',
          `/bin/busybox ls -ln ${node.path}`,
          `: <>${node.path} && echo opened`,
          '/bin/busybox ls /dev',
          'echo $ERRAND_RENDER_NODES $NVIDIA_VISIBLE_DEVICES',
        ].map((command) => bench.prints(ref, shell(command))),
      )
      assert.match(
        groups ?? '',
        new RegExp(`groups=.*${VIDEO_GROUP}.*${RENDER_GROUP}|groups=.*${RENDER_GROUP}.*${VIDEO_GROUP}`),
      )
      assert.match(listed ?? '', new RegExp(`^crw-rw----.* 0 +${RENDER_GROUP} +1, +3`))
      assert.equal(opened, 'opened')
      assert.doesNotMatch(others ?? '', /dri|kfd|nvidia/)
      assert.equal(variable, `${node.path} void`)
    } finally {
      await engine.remove(ref, bench.signal)
    }
  })
}

test('A8: what an image and a caller say to the NVIDIA runtime does not reach it', async () => {
  const asks = ['ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=all NVIDIA_MIG_CONFIG_DEVICES=all OWN=image']
  const [imageId = ''] = await docker('image', 'inspect', '--format', '{{.Id}}', await ensureTask('talk', asks))
  await using engine = await openDocker()
  await using bench = new GpuBench(engine, images)
  const callers = { NVIDIA_VISIBLE_DEVICES: '0', NVIDIA_IMEX_CHANNELS: '0', NVIDIA_REQUIRE_CUDA: 'cuda>=1' }
  const ref = await bench.startWith({ imageId, process: { environment: { ...callers, OTHER: 'caller' } } })
  try {
    // Of the first process: what the runtime was told, no more and no less.
    const program = "process.stdout.write(require('node:fs').readFileSync('/proc/1/environ'))"
    const variables = (await bench.prints(ref, ['node', '-e', program])).split('\0')
    assert.deepEqual(
      variables.filter((variable) => /NVIDIA|GPU/.test(variable)),
      ['NVIDIA_VISIBLE_DEVICES=void'],
    )
    assert.ok(variables.includes('OWN=image') && variables.includes('OTHER=caller'))
  } finally {
    await engine.remove(ref, bench.signal)
  }
})

test('without the group of its lease a task cannot open the render node', async () => {
  await using node = await openRenderNode()
  await using engine = await openDocker()
  await using bench = new GpuBench(engine, images)
  const process = { user: `${SOME_USER}:${SOME_USER}` }
  const ref = await bench.startWith({ process, gpus: [{ ...intel(node.path), groupIds: [] }] })
  try {
    assert.match(await bench.prints(ref, shell(`: <>${node.path} && echo opened`)), /Permission denied/)
  } finally {
    await engine.remove(ref, bench.signal)
  }
})

const ABSENT: readonly (readonly [string, GpuDevice, boolean])[] = [
  ['the NVIDIA toolkit', { vendor: 'nvidia', index: 0, uuid: 'GPU-0' }, existsSync('/dev/nvidiactl')],
  ['the AMD compute interface', { vendor: 'amd', index: 0, renderNode: '/dev/null' }, existsSync('/dev/kfd')],
  ['the render node', { vendor: 'intel', index: 0, renderNode: '/dev/dri/renderD999' }, false],
]

for (const [what, gpu, skip] of ABSENT) {
  test(`a start on a host without ${what} is runtime_unavailable`, { skip }, async () => {
    await using engine = await openDocker()
    await using bench = new GpuBench(engine, images)
    const ref = await bench.createWith({ gpus: [gpu] })
    try {
      await refused(engine.start(ref, bench.signal), 'runtime_unavailable')
    } finally {
      await engine.remove(ref, bench.signal)
    }
    assert.deepEqual(await docker('ps', '--all', '--quiet', '--filter', `name=${ref.name}`), [])
  })
}
