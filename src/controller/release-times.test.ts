import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PodBlock } from '../model/index.ts'
import { ReleaseTimes } from './release-times.ts'

const NAME = '10.244.1.0-24'

function block(generation: number, releasedAt?: string): PodBlock {
  return {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'PodBlock',
    metadata: {
      name: NAME,
      uid: 'u',
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation,
    },
    spec: {
      cidr: '10.244.1.0/24',
      nodeName: 'a',
      nodeUID: 'n',
      ...(releasedAt === undefined ? {} : { releasedAt }),
    },
    status: {},
  }
}

const at = '2026-01-01T00:00:00Z'

test('a release is as old as it was seen', () => {
  const times = new ReleaseTimes()
  times.observe([block(1)], 1_000)
  assert.equal(times.ages(1_000).size, 0)
  times.observe([block(2, at)], 2_000)
  times.observe([block(2, at)], 5_000)
  assert.equal(times.ages(6_000).get(NAME), 4_000)
})

test('one of a claim that came and went unseen is a new one, also if the wall clock stood still', () => {
  const times = new ReleaseTimes()
  times.observe([block(2, at)], 2_000)
  times.observe([block(4, at)], 5_000)
  assert.equal(times.ages(6_000).get(NAME), 1_000)
})

test('a store that was restored begins anew', () => {
  const times = new ReleaseTimes()
  times.observe([block(2, at)], 2_000)
  times.observe([block(3)], 3_000)
  times.observe([block(2, at)], 5_000)
  assert.equal(times.ages(6_000).get(NAME), 1_000)
})
