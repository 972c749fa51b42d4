import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MountView } from './mount-view.ts'

/** A /proc with processes by name: their program and their view of the mounts, if it can be seen. */
async function procWith(processes: Readonly<Record<string, readonly [string, string?]>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'errand-proc-'))
  for (const [pid, [program, view]] of Object.entries(processes)) {
    await mkdir(join(root, pid, 'ns'), { recursive: true })
    await writeFile(join(root, pid, 'comm'), `${program}\n`)
    if (view !== undefined) await symlink(view, join(root, pid, 'ns/mnt'))
  }
  return root
}

const SELF = ['node', 'mnt:[1]'] as const

for (const [fact, processes, expected] of [
  ['an Engine with our view shares it', { self: SELF, 7: ['dockerd', 'mnt:[1]'] }, true],
  ['one of several is enough', { self: SELF, 7: ['dockerd', 'mnt:[2]'], 8: ['dockerd', 'mnt:[1]'] }, true],
  ['an Engine with another view does not', { self: SELF, 7: ['dockerd', 'mnt:[2]'] }, false],
  ['without an Engine in sight nothing is known', { self: SELF, 7: ['sshd', 'mnt:[1]'] }, undefined],
  ['nor where it may not be looked at', { self: SELF, 7: ['dockerd'] }, undefined],
] as const) {
  test(`the view of the mounts: ${fact}`, async () => {
    const root = await procWith(processes)
    using view = await MountView.open(root)
    assert.equal(view.isShared, expected)
    await rm(root, { recursive: true })
  })
}

test('the root of another view is held, and where several Engines have views of their own there is none', async () => {
  const one = await procWith({ self: SELF, 7: ['dockerd', 'mnt:[2]'] })
  await mkdir(join(one, '7/root'))
  await writeFile(join(one, '7/root/file'), 'of the Engine')
  {
    using view = await MountView.open(one)
    assert.equal(await readFile(`${view.engineRoot}/file`, 'utf8'), 'of the Engine')
  }
  const several = await procWith({ self: SELF, 7: ['dockerd', 'mnt:[2]'], 8: ['dockerd', 'mnt:[3]'] })
  using view = await MountView.open(several)
  assert.deepEqual([view.isShared, view.engineRoot], [false, undefined])
  for (const root of [one, several]) await rm(root, { recursive: true })
})
