import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, symlink, unlink } from 'node:fs/promises'
import { test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { GET, open, portOf } from './secure-listener.fixture.ts'
import { askSecurely, connectSecurely, nameOf, TestCertificate } from './test-certificate.fixture.ts'

test('a renewed certificate is taken up within ten seconds or when told, and open connections go on', async () => {
  await using certificate = await TestCertificate.make()
  const clock = new ManualClock()
  const log = new RecordingLog()
  await using listeners = await open(certificate, { clock, log })
  const port = portOf(listeners)
  using kept = await connectSecurely(port)
  const ask = async (): Promise<void> => {
    kept.write(GET)
    const [answer] = await once(kept, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 200 .*ok$/s)
  }
  await ask()

  await certificate.renew('second')
  assert.equal((await askSecurely(port, {})).certificate, 'first')
  await clock.advance(10_000)
  // The look that the timer began comes first in the line.
  await listeners.reload()
  assert.equal((await askSecurely(port, {})).certificate, 'second')
  await certificate.renew('third')
  await listeners.reload()
  assert.equal((await askSecurely(port, {})).certificate, 'third')
  await ask()
  assert.equal(nameOf(kept), 'first')
  assert.deepEqual(
    log.lines.filter(({ message }) => message === 'a certificate was renewed').length,
    2,
    'nothing is read that has not changed',
  )
})

test('F13: a renewal that is half done or wrong changes nothing, is logged once, and counts when it is whole', async () => {
  await using certificate = await TestCertificate.make()
  const log = new RecordingLog()
  await using listeners = await open(certificate, { clock: new ManualClock(), log })
  const port = portOf(listeners)
  const failures = (): number => log.lines.filter(({ message }) => message.startsWith('a certificate cannot')).length
  const renewed = await certificate.draft('renewed')
  await copyFile(renewed.certPath, certificate.certPath)
  for (let time = 0; time < 3; time += 1) {
    await listeners.reload()
    assert.deepEqual([(await askSecurely(port, {})).certificate, failures()], ['first', 1])
  }
  await unlink(certificate.keyPath)
  await listeners.reload()
  assert.deepEqual([(await askSecurely(port, {})).certificate, failures()], ['first', 2])
  // As certbot does: a link to the newest.
  await symlink(renewed.keyPath, certificate.keyPath)
  await listeners.reload()
  assert.deepEqual([(await askSecurely(port, {})).certificate, failures()], ['renewed', 2])
  const again = await certificate.draft('again')
  await copyFile(again.keyPath, renewed.keyPath)
  await copyFile(again.certPath, certificate.certPath)
  await listeners.reload()
  assert.equal((await askSecurely(port, {})).certificate, 'again', 'what a link leads to was changed')
})

test('an expired certificate is served and warned of', async () => {
  await using certificate = await TestCertificate.make()
  const clock: Clock = { ...systemClock, wallMs: () => Date.now() + 3 * 86_400_000 }
  const log = new RecordingLog()
  await using listeners = await open(certificate, { clock, log })
  assert.equal((await askSecurely(portOf(listeners), {})).text, 'ok')
  assert.deepEqual(
    log.lines.map(({ level, message }) => [level, message]),
    [['warn', 'a certificate has expired']],
  )
})
