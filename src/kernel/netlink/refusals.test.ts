import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { PodlaceError } from '../../base/index.ts'
import type { NetlinkErrorPayload } from '../../netlink/index.ts'
import type { Entry, LinkEntry } from '../entry.ts'
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

const common = { kind: 'link', claim: 'own', owner: 't', name: 'x0' } as const
const stacked = { ...common, device: 'eth0' } as const

const links: readonly [link: LinkEntry, module: string, config: string][] = [
  [{ ...stacked, type: 'ipvlan', mode: 'l2' }, 'ipvlan', 'CONFIG_IPVLAN'],
  [{ ...stacked, type: 'vlan', id: 5 }, '8021q', 'CONFIG_VLAN_8021Q'],
  [{ ...common, type: 'dummy' }, 'dummy', 'CONFIG_DUMMY'],
  [{ ...common, type: 'vrf', table: 100 }, 'vrf', 'CONFIG_NET_VRF'],
  [{ ...common, type: 'ipip', local: '192.0.2.1', pathMtuDiscovery: false }, 'ipip', 'CONFIG_NET_IPIP'],
  [{ ...common, type: 'ifb' }, 'ifb', 'CONFIG_IFB'],
  [{ ...common, type: 'wireguard' }, 'wireguard', 'CONFIG_WIREGUARD'],
  [{ ...common, type: 'bridge', vlans: [{ id: 5 }] }, 'bridge', 'CONFIG_BRIDGE_VLAN_FILTERING'],
  [{ ...common, type: 'device', bridgePort: { vlans: [] } }, 'bridge', 'CONFIG_BRIDGE_VLAN_FILTERING'],
]

const refusal: NetlinkErrorPayload = { code: 'netlink.eopnotsupp', errno: constants.errno.EOPNOTSUPP }

for (const [entry, module, config] of links) {
  test(`a kernel without ${config} is told to load ${module}`, () => {
    const error = new PodlaceError('add link x0', 'refused', refusal)
    const failure = refusalOf({ op: 'create', entry, why: 'missing' }, error)
    assert.equal(failure?.code, 'kernel.unsupported')
    assert.ok(failure.message.includes(`\`modprobe ${module}\`, or build it in (${config})`), failure.message)
  })
}
