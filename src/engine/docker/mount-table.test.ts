import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mountOf } from './mount-table.ts'

const TABLE = [
  '21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
  '22 21 8:2 / /var/lib rw,noatime shared:1 - xfs /dev/sda2 rw,prjquota',
  '23 21 8:3 / /var/lib/dock rw shared:2 master:1 - xfs /dev/sda3 rw',
  '24 22 8:2 /v /var/lib/docker rw - xfs /dev/sda2 rw,noquota',
  '25 24 8:2 /v /var/lib/docker rw master:7 - xfs /dev/sda2 rw,noquota',
  '',
].join('\n')

test('a path lies on the deepest mount above it, and on the last of those', () => {
  assert.deepEqual(mountOf('/var/lib/docker/volumes', TABLE), { options: ['rw', 'noquota'], isJoined: true })
  assert.deepEqual(mountOf('/var/lib/dockers', TABLE), { options: ['rw', 'prjquota'], isJoined: true })
  assert.equal(mountOf('/', ''), undefined)
})

test('a private mount is not joined, a shared one and one that follows another are', () => {
  const places = ['/srv', '/var/lib', '/var/lib/dock', '/var/lib/docker']
  assert.deepEqual(
    places.map((place) => mountOf(place, TABLE)?.isJoined),
    [false, true, true, true],
  )
})
