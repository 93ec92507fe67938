import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backlog, stepsOf } from './backlog.ts'
import { type Entry, entryKey } from './entry.ts'
import type { Operation } from './operation.ts'

const link: Entry = { kind: 'link', type: 'bridge', name: 'br0', claim: 'own', owner: 't' }
const sysctl: Entry = { kind: 'sysctl', path: 'ipv4/conf/br0/forwarding', value: '1' }
const route = (n: number): Entry => ({
  kind: 'route',
  dst: `10.${n}.0.0/16`,
  table: 254,
  metric: 0,
  link: 'br0',
})
const table: Entry = { kind: 'nft-table', family: 'ip', name: 't', sets: [], chains: [] }
const element = (n: number): Entry => ({
  kind: 'nft-element',
  family: 'ip',
  table: 't',
  set: 's',
  key: [`10.0.0.${n}`],
})
const create = (entry: Entry): Operation => ({ op: 'create', entry, why: 'missing' })

function backlogOf(...operations: readonly Operation[]): Backlog {
  const backlog = new Backlog()
  backlog.append(stepsOf(operations, new Map()))
  return backlog
}

function slices(backlog: Backlog, limit: number): string[][] {
  const result: string[][] = []
  while (backlog.size > 0) {
    const steps = [...backlog.take(limit, () => true).values()]
    result.push(
      steps.flatMap(({ operations }) => operations.map(({ op, entry }) => `${op} ${entryKey(entry)}`)),
    )
  }
  return result
}

test('a short plan is one slice', () => {
  assert.equal(slices(backlogOf(create(link), create(sysctl), create(route(1))), 3).length, 1)
})

test('links come with their sysctls and by themselves, a table with all its elements', () => {
  const operations = [link, sysctl, route(1), route(2), route(3), table, element(1), element(2), element(3)]
  assert.deepEqual(
    slices(backlogOf(...operations.map(create)), 2).map(slice => slice.length),
    [2, 2, 1 + 4],
  )
})

test('what is deleted to be made again stays together, whatever the limit', () => {
  const again: readonly Operation[] = [
    { op: 'delete', entry: route(1), before: route(1), why: 'differs' },
    create(route(1)),
    create(route(2)),
  ]
  assert.deepEqual(slices(backlogOf(...again), 1), [
    [`delete ${entryKey(route(1))}`, `create ${entryKey(route(1))}`],
    [`create ${entryKey(route(2))}`],
  ])
})

test('a newer plan counts, and what is not due any more is dropped', () => {
  const backlog = backlogOf(create(route(1)), create(route(2)), create(route(3)))
  const removal: Operation = { op: 'delete', entry: route(1), before: route(1), why: 'stale' }
  backlog.append(stepsOf([removal], new Map([[entryKey(route(1)), 'desired']])))
  const taken = backlog.take(10, key => key !== entryKey(route(2)))
  assert.deepEqual([...taken.keys()], [entryKey(route(3)), entryKey(route(1))])
  assert.equal(backlog.size, 0)
})
