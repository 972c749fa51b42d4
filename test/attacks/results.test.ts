import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../../examples/tasks/offline/command.ts'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { randomId } from '../../src/core/ids.ts'
import { makePlace, type Place } from '../../src/files/place.fixture.ts'
import { discardTree, removeTree } from '../../src/files/remove-tree.ts'
import { collectOutputs } from '../../src/files/results-folder.ts'
import { docker } from '../support/engine-host.ts'
import { scale } from '../support/scale.ts'
import { ShellBench } from '../support/shell-sandbox.ts'
import { swapFor } from '../support/swapper.ts'

const LIMITS = { bytes: 10_000_000, files: 100 }
const DATA = ['out', 'out/deep', 'out/deep/data', 'out/program']

test('A4: links, devices, pipes, sockets and rights in results are neither followed nor kept', async (t) => {
  await using place = await makeHost()
  await using sandboxes = await ShellBench.open()
  const canary = place.at('outside/canary')
  const plant = [
    'mkdir -p /out/deep && cd /out && echo data > deep/data && ln deep/data hard && mkfifo pipe',
    `ln -s ${canary} link && ln -s ${place.at('outside')} folder && ln -s / root && ln -s /out loop && ln -s ../../.. up`,
    'mknod disk b 254 0 && mknod memory c 1 1 && mknod deep/null c 1 3',
    'cp /bin/busybox program && chmod 6755 program && chmod 7777 deep',
  ].join(' && ')
  // With all that the Engine gives, which is more than a sandbox has: making device files is one of it.
  await using attacker = await runUnguarded(plant)
  const source = { engine: sandboxes.engine, ref: attacker, folder: place.at('results') }

  await t.test('in a folder they are counted and left out', async () => {
    const asked = [{ path: '/out', name: 'out' }]
    const { outputs, warnings, isOverLimit } = await collectOutputs(source, asked, LIMITS, sandboxes.signal)
    assert.deepEqual([warnings, isOverLimit], [[], false])
    // The hard link, or the file that it is one to: whichever the archive names first is the file.
    assert.deepEqual(
      outputs.map(({ files, skipped }) => [files, skipped]),
      [[4, 10]],
    )
    const names = (await readdir(place.at('results'), { recursive: true })).sort()
    assert.deepEqual(names.map((name) => name.replace('out/hard', 'out/deep/data')).sort(), DATA)
    const all = await Promise.all(names.map((name) => lstat(place.at(`results/${name}`))))
    for (const stats of all) {
      assert.ok(stats.isFile() || stats.isDirectory())
      assert.equal(stats.mode & 0o7022, 0)
    }
  })

  await t.test('as outputs themselves they are warnings, and so is what they lead to', async () => {
    const names = ['link', 'folder', 'root', 'loop', 'up', 'pipe', 'disk', 'memory']
    const asked = names.map((name) => ({ path: `/out/${name}`, name }))
    const through = [
      { path: `/out/folder/canary`, name: 'through' },
      { path: '/out/root/etc/shadow', name: 'shadow' },
    ]
    const collected = await collectOutputs(source, [...asked, ...through], LIMITS, sandboxes.signal)
    assert.deepEqual([collected.outputs, collected.warnings.length], [[], 10])
  })

  assert.equal(await readFile(canary, 'utf8'), 'canary')
  assert.deepEqual(await readdir(place.at('outside')), ['canary'])
})

test('F50: a result that is too large, or too many, is cut and listed, and nothing half is left', async () => {
  await using place = await makeHost()
  await using sandboxes = await ShellBench.open()
  const script = [
    'mkdir -p /large /many && echo small > /large/a && dd if=/dev/zero of=/large/b bs=1M count=64 2>/dev/null',
    'echo late > /large/c; i=0; while [ $i -lt 500 ]; do echo $i > /many/$i; i=$((i+1)); done',
  ].join(' && ')
  await using attacker = await runUnguarded(script)
  for (const name of ['large', 'many']) {
    const source = { engine: sandboxes.engine, ref: attacker, folder: place.at('results') }
    const asked = [{ path: `/${name}`, name }]
    const { outputs, isOverLimit } = await collectOutputs(source, asked, LIMITS, sandboxes.signal)
    assert.equal(isOverLimit, true)
    const kept = await readdir(place.at(`results/${name}`))
    // The folder itself is one.
    assert.deepEqual(
      outputs.map(({ files }) => files),
      [kept.length + 1],
    )
    assert.ok(kept.length < LIMITS.files && !kept.includes('b'), `${kept.length}`)
  }
  assert.deepEqual((await readdir(place.at('results'))).sort(), ['large', 'many'])
})

test('A5: removing results touches nothing that links in them lead to', { timeout: 600_000 }, async () => {
  await using place = await makeHost()
  const before = await fingerprint(place.at('outside'))
  for (let turn = 0; turn < scale(50, 1000); turn += 1) {
    await plantTree(place, 'tree')
    if (turn % 2 === 0) await discardTree(place.at('tree'), place.at('trash'))
    else await removeTree(place.at('tree'))
    assert.deepEqual(
      (await readdir(place.path)).filter((name) => name.startsWith('tree')),
      [],
    )
  }
  assert.deepEqual(await readdir(place.at('trash')), [])
  assert.equal(await fingerprint(place.at('outside')), before)
})

test('A5: nor when a folder turns into a link while it is emptied', { timeout: 600_000 }, async () => {
  await using place = await makeHost()
  const before = await fingerprint(place.at('outside'))
  for (let turn = 0; turn < scale(20, 300); turn += 1) {
    await plantTree(place, 'tree')
    const swapped = place.at('tree/deep')
    {
      await using swapper = swapFor(swapped, place.at('outside'))
      while (swapper.count() === 0) await new Promise((resolve) => setImmediate(resolve))
      // What is put back while its parent is removed keeps that from being removed.
      await removeTree(place.at('tree')).catch(() => {})
    }
    await removeTree(place.at('tree'))
  }
  assert.equal(await fingerprint(place.at('outside')), before)
})

async function makeHost(): Promise<Place> {
  const place = await makePlace()
  await mkdir(place.at('results'))
  await mkdir(place.at('outside'))
  await writeFile(place.at('outside/canary'), 'canary')
  return place
}

async function plantTree(place: Place, name: string): Promise<void> {
  const script = [
    'mkdir -p "$1/deep/er" && cd "$1" && echo x > deep/file && ln -s "$2" out && ln -s "$2/canary" deep/canary',
    'ln -s / deep/root && ln -s . loop && ln "$2/canary" hard && mkfifo pipe && mknod null c 1 3 && chmod 000 deep/er',
  ].join(' && ')
  await run('sh', ['-c', script, 'sh', place.at(name), place.at('outside')])
}

/** Names, modes, owners and contents of a tree; not the link count, which a hard link to it changes. */
async function fingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['.', ...(await readdir(folder, { recursive: true })).sort()]) {
    const path = join(folder, name)
    const { mode, uid, gid, mtimeMs, ino } = await lstat(path)
    const content = await readFile(path).catch(() => readlink(path).catch(() => ''))
    hash.update(JSON.stringify([name, mode, uid, gid, mtimeMs, ino])).update(content)
  }
  return hash.digest('hex')
}

/** A container as the Engine makes it, run to its end and still there. */
async function runUnguarded(script: string): Promise<AsyncDisposable & { name: string; id: string }> {
  const name = `errand-test-${randomId().slice(0, 12)}`
  const remove = (): Promise<unknown> => docker('rm', '--force', '--volumes', name)
  try {
    await docker('run', '--name', name, '--network', 'none', await ensureImage('busybox'), '/bin/sh', '-c', script)
    const [id = ''] = await docker('inspect', '--format', '{{.Id}}', name)
    return { name, id, [Symbol.asyncDispose]: async () => void (await remove()) }
  } catch (error) {
    await remove()
    throw error
  }
}
