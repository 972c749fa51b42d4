import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sgxWarnings } from './sgx-warnings.ts'

const PRESENT = { isEnabled: true, devicePath: '/dev/null', aesmdPath: '/tmp' }

test('where SGX is not offered, or all of it is there, nothing is said', () => {
  assert.deepEqual(sgxWarnings({ isEnabled: false, devicePath: '/nowhere', aesmdPath: '/nowhere' }), [])
  assert.deepEqual(sgxWarnings(PRESENT), [])
})

test('a device or a folder that is not there is named with its key', () => {
  for (const devicePath of ['/dev/no-such-enclave', '/etc/hostname', '/etc/hostname/x']) {
    const [warning = '', ...more] = sgxWarnings({ ...PRESENT, devicePath })
    assert.match(warning, /sgx\.sgx_device.*will be refused/)
    assert.ok(warning.includes(devicePath))
    assert.deepEqual(more, [])
  }
  assert.match(
    sgxWarnings({ ...PRESENT, aesmdPath: '/nowhere/aesmd' })[0] ?? '',
    /\/nowhere\/aesmd \(sgx\.aesmd_path\)/,
  )
})
