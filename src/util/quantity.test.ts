import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LONGEST_DELAY_MS, parseBytes, parseDuration, parseMinutes } from './quantity.ts'

test('a size is a whole number of bytes or a number with a unit', () => {
  const sizes: [number | string, number | undefined][] = [
    [0, 0],
    [4096, 4096],
    ['4096', 4096],
    ['4096B', 4096],
    ['64KiB', 65_536],
    ['16MiB', 16_777_216],
    ['16 mib', 16_777_216],
    ['1.5GiB', 1_610_612_736],
    ['500kB', 500_000],
    ['2MB', 2_000_000],
    ['3GB', 3_000_000_000],
    ['1TiB', 2 ** 40],
    ['2TB', 2e12],
    [1.5, undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [2 ** 60, undefined],
    ['', undefined],
    ['MiB', undefined],
    ['-1MiB', undefined],
    ['1PiB', undefined],
    ['0.1KiB', undefined],
    ['1 000', undefined],
    ['1e3', undefined],
  ]
  for (const [size, bytes] of sizes) assert.equal(parseBytes(size), bytes, `size ${size}`)
})

test('minutes may be fractional and become whole milliseconds that a timer can wait', () => {
  assert.equal(parseMinutes(1), 60_000)
  assert.equal(parseMinutes(0.05), 3000)
  assert.equal(parseMinutes(1e-9), 1)
  assert.equal(parseMinutes(LONGEST_DELAY_MS / 60_000), LONGEST_DELAY_MS)
  for (const minutes of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 35_792]) {
    assert.equal(parseMinutes(minutes), undefined, `${minutes} minutes`)
  }
})

test('a time has one or more units, the larger before the smaller, each once', () => {
  const times: [string, number | undefined][] = [
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0s', 0],
    ['90', undefined],
    ['30m1h', undefined],
    ['1s1s', undefined],
    ['-1s', undefined],
    ['1 h', undefined],
    ['', undefined],
  ]
  for (const [text, ms] of times) assert.equal(parseDuration(text), ms, text)
})
