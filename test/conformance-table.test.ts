import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { FEATURES } from '../src/executor/conformance-features.ts'

const README = join(import.meta.dirname, '../README.md')

test('the table in the README has every feature of the suite, and counts its tests', async () => {
  const text = await readFile(README, 'utf8')
  const [, section = ''] = text.split('## What executors do on each engine')
  const rows = [...section.matchAll(/^\| ([^|]+) \| \d+\/(\d+)[^|]* \| \d+\/(\d+)[^|]* \|$/gm)]
  const printed = rows.map(([, feature, fake, docker]) => [feature, Number(fake), Number(docker)])
  const features = Object.entries(FEATURES).map(([feature, tests]) => [feature, Object.keys(tests).length])
  assert.deepEqual(
    printed.filter(([feature]) => feature !== 'the port itself'),
    features.map(([feature, total]) => [feature, total, total]),
  )
})
