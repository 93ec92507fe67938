import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { PodlaceError } from '../../base/index.ts'
import type { Entry } from '../entry.ts'
import type { Operation } from '../operation.ts'
import { type Failure, refusalOf } from './refusals.ts'

const qdisc: Entry = {
  kind: 'qdisc',
  link: 'veth1',
  qdisc: { type: 'tbf', rateBps: 8, burstBytes: 1, limitBytes: 1 },
}
const redirect: Entry = { kind: 'redirect', link: 'veth1', to: 'bwp1' }
const route: Entry = { kind: 'route', dst: '10.0.0.0/8', table: 254, metric: 0, link: 'veth1' }

/** What is made of the kernel's answer. */
function outcome(op: Operation['op'], entry: Entry, errno: 'ENOENT' | 'EINVAL'): Failure | undefined {
  const refused = { code: 'netlink.refused', errno: constants.errno[errno] } as const
  return refusalOf({ op, entry, why: 'missing' }, new PodlaceError('ask', 'refused', refused))
}

test('traffic control says ENOENT of a kind that the kernel lacks: which module has it is said', () => {
  const modules: readonly (readonly [Entry, string])[] = [
    [qdisc, 'sch_tbf'],
    [redirect, 'sch_ingress cls_u32 act_mirred'],
  ]
  for (const [entry, module] of modules) {
    const failure = outcome('create', entry, 'ENOENT')
    assert.equal(failure?.code, 'kernel.unsupported')
    assert.match(failure?.message ?? '', new RegExp(`modprobe ${module}\``))
  }
  assert.equal(outcome('create', route, 'ENOENT')?.code, 'kernel.not-found')
})

test('a deletion has nothing left to do where another qdisc stands, or none', () => {
  for (const errno of ['ENOENT', 'EINVAL'] as const) {
    assert.equal(outcome('delete', qdisc, errno), undefined)
    assert.equal(outcome('delete', redirect, errno), undefined)
  }
  assert.equal(outcome('delete', route, 'EINVAL')?.code, 'kernel.invalid')
  assert.equal(outcome('create', redirect, 'EINVAL')?.code, 'kernel.invalid')
})
