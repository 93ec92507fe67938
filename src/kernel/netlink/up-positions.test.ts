import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry, LinkEntry, QdiscEntry } from '../entry.ts'
import type { Operation } from '../operation.ts'
import { upPositions } from './up-positions.ts'

const link: LinkEntry = { kind: 'link', type: 'ifb', name: 'ifb7', claim: 'own', owner: 'test', up: true }
const limit = { type: 'tbf', rateBps: 8000, burstBytes: 2000, limitBytes: 3000 } as const
const qdisc: QdiscEntry = { kind: 'qdisc', link: 'ifb7', qdisc: limit }
const sysctl: Entry = { kind: 'sysctl', path: 'ipv6/conf/ifb7/accept_ra', value: '0' }

const create = (entry: Entry): Operation => ({ op: 'create', entry, why: 'missing' })
const remove = (entry: Entry): Operation => ({ op: 'delete', entry, before: entry, why: 'stale' })

/** Behind which operation the link, which is the first, goes up. */
function upBehind(...others: readonly Operation[]): number | undefined {
  const born = create(link)
  return upPositions([born, ...others]).get(born)
}

test('a link goes up behind its settings, its addresses and its queue', () => {
  const address: Entry = { kind: 'address', link: 'ifb7', address: '10.0.0.1/24' }
  assert.equal(upBehind(), undefined)
  for (const entry of [sysctl, address, qdisc]) assert.equal(upBehind(create(entry)), 1)
  assert.equal(upBehind(create(sysctl), create(qdisc), create({ ...qdisc, link: 'other' })), 2)
})

test('what is taken away keeps no link down: that comes last', () => {
  assert.equal(upBehind(remove(qdisc)), undefined)
  assert.equal(upBehind(create(sysctl), remove(qdisc)), 1)
})
