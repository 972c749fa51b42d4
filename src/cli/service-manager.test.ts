import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { silentLog } from '../core/log.ts'
import { notifyReady } from './service-manager.ts'

describe('telling the service manager', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-notify-'))
    const program = join(folder, 'systemd-notify')
    await writeFile(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${folder}/told\n`)
    await chmod(program, 0o755)
  })
  after(() => rm(folder, { recursive: true }))

  const told = (): Promise<string> => readFile(join(folder, 'told'), 'utf8').catch(() => '')
  const PATH = (): string => `${folder}:/usr/bin:/bin`

  test('is left where none waits', async () => {
    await notifyReady({ environment: { PATH: PATH() } }, silentLog)
    await notifyReady({ environment: { PATH: PATH(), NOTIFY_SOCKET: '' } }, silentLog)
    assert.equal(await told(), '')
  })

  test('is done by systemd-notify', async () => {
    await notifyReady({ environment: { PATH: PATH(), NOTIFY_SOCKET: '/run/systemd/notify' } }, silentLog)
    assert.equal(await told(), '/run/systemd/notify --ready\n')
  })

  test('is logged when it fails, and no reason to end', async () => {
    const warnings: string[] = []
    const log = { ...silentLog, warn: (_facts: object, message: string) => void warnings.push(message) }
    await notifyReady({ environment: { PATH: '/nowhere', NOTIFY_SOCKET: '/run/systemd/notify' } }, log)
    assert.deepEqual(warnings, ['the service manager could not be told that the node serves'])
  })
})
