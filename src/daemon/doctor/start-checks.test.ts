import assert from 'node:assert/strict'
import { readdir, readFile, truncate } from 'node:fs/promises'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import type { ListenerConfig } from '../../http/listener-config.ts'
import { JournalFolder } from '../../journal/sqlite/journal-folder.fixture.ts'
import { SURVEY } from './engine-survey.fixture.ts'
import { fakeLook } from './fake-look.fixture.ts'
import type { Finding } from './finding.ts'
import { inspectJournal } from './inspect-journal.ts'
import { checkJournal, checkListeners, checkNamedNetwork } from './start-checks.ts'

const LISTENER: ListenerConfig = {
  address: { host: '127.0.0.1', port: 2591 },
  isLoopback: true,
  faces: new Set(['meca']),
  auth: 'none',
  hasControl: true,
}

function told({ level, found }: Finding): string {
  return `${level}: ${found}`
}

test('an address or a certificate that a start would be refused for is a problem, unless a daemon has it', async () => {
  const refuse = async (): Promise<void> => {
    throw new ErrandError('already_exists', 'another process listens there')
  }
  assert.equal(told(await checkListeners([LISTENER], false, refuse)), 'problem: another process listens there')
  assert.equal(told(await checkListeners([LISTENER], false, async () => {})), 'ok: 127.0.0.1:2591')
  assert.match(told(await checkListeners([LISTENER], true, refuse)), /^ok: not looked at/)
})

test('a journal is looked at without a trace; a damaged one is a problem, one that cannot be read a warning', async () => {
  await using folder = await JournalFolder.make()
  const check = () => {
    return checkJournal(fakeLook({ paths: { [folder.path]: { kind: 'folder' } } }), folder.path, false, inspectJournal)
  }
  assert.equal(told(await check()), 'ok: sound', 'none was made yet')
  await folder.keep(50)
  const before = [await readdir(folder.path), await readFile(folder.file)]
  assert.equal(told(await check()), 'ok: sound')
  assert.deepEqual([await readdir(folder.path), await readFile(folder.file)], before)
  await truncate(folder.file, 5000)
  assert.match(told(await check()), /^problem: .*journal\.db: it is damaged .*errand repair/)
  await truncate(folder.file, 2 ** 30)
  assert.equal(told(await check()), 'ok: not looked at: it is too large to be copied')
  const missing = await checkJournal(fakeLook(), folder.path, false, inspectJournal)
  assert.equal(told(missing), 'ok: none yet')
  const unreadable = Object.assign(new Error('EACCES'), { errno: -13 })
  const look = fakeLook({ paths: { '/s': { kind: 'folder' } } })
  assert.match(
    told(await checkJournal(look, '/s', false, () => Promise.reject(unreadable))),
    /^warning: .*cannot be read$/,
  )
})

test('a network that was named and cannot be had is a problem', () => {
  assert.deepEqual(checkNamedNetwork(SURVEY), [])
  const named = (refusal: string | undefined) =>
    checkNamedNetwork({ ...SURVEY, namedNetwork: { name: 'lab', refusal } })
  assert.deepEqual(named(undefined).map(told), ['ok: lab'])
  assert.deepEqual(named('there is none called lab').map(told), ['problem: there is none called lab'])
})
