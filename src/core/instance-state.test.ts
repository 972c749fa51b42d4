import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canBecome, type InstanceState } from './instance-state.ts'

const STATES: readonly InstanceState[] = ['planned', 'creating', 'starting', 'ready', 'stopping', 'unknown', 'gone']

test('an instance can go from its plan to ready and to its end', () => {
  const life: InstanceState[] = ['planned', 'creating', 'starting', 'ready', 'stopping', 'gone']
  for (const [index, state] of life.slice(0, -1).entries()) {
    assert.ok(canBecome(state, life[index + 1] ?? state))
  }
})

test('nothing comes back from gone, and nothing becomes planned again', () => {
  for (const state of STATES) {
    assert.equal(canBecome('gone', state), false)
    assert.equal(canBecome(state, 'planned'), false)
  }
})

test('nothing that the engine knows of is gone before its removal or an inspection', () => {
  for (const state of ['starting', 'ready'] as const) assert.equal(canBecome(state, 'gone'), false)
})

test('every state but the last can be left for good', () => {
  const reaches = (state: InstanceState, seen: ReadonlySet<InstanceState>): boolean =>
    canBecome(state, 'gone') ||
    STATES.some((next) => canBecome(state, next) && !seen.has(next) && reaches(next, new Set([...seen, next])))
  for (const state of STATES.filter((each) => each !== 'gone')) assert.ok(reaches(state, new Set([state])), state)
})
