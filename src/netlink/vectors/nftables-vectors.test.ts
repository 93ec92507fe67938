import { nft } from '../index.ts'
import { checkVectors, expectation } from './check.ts'
import { withSetId } from './set-id.ts'

/** Our requests against what `nft` sends for the same thing. */

const T = { family: 'inet', table: 't' } as const

const flags = { 2: 'nft says that the table has no flags' }
const setId = { 4: 'nft adds the id that the set has in its batch' }
const typeof_ = { 13: 'nft keeps how the key was written for its own printing; the type ids say enough' }
const zero = { ...setId, 'zero-marker': 'nft marks where the empty space before the first interval ends' }

const op = { '4/1/2/6': 'nft says where a bitwise is boolean, which is what it is if nothing is said' }

const set = (name: string, key: readonly nft.Datatype[], rest: Partial<nft.Set> = {}): nft.Set => ({
  ...T,
  name,
  key,
  interval: false,
  ...rest,
})
const plain = set('plain', ['ipv4_addr'])
const nets = set('nets', ['ipv4_addr'], { interval: true })
const marks = set('marks', ['mark'])
const links = set('links', ['ifname'])
const both = set('both', ['ipv4_addr', 'inet_service'], { interval: true })
const jumps = set('jumps', ['inet_service'], { value: 'verdict' })
const services = set('services', ['ipv4_addr', 'inet_proto', 'inet_service'], {
  value: ['ipv4_addr', 'inet_service'],
})

const add = (to: nft.Set, ...elements: nft.KeyedElement[]) =>
  nft.addElements(
    { ...T, set: to.name },
    elements.flatMap(element => nft.elementsOf(to, element)),
  )
const rule = (chain: string, expressions: nft.Expression[], comment?: string) =>
  nft.addRule({ ...T, chain, expressions, ...(comment === undefined ? {} : { comment }) })

checkVectors('nftables', [
  expectation(
    'nft add table inet t { comment "made by podlace" ; }',
    nft.addTable({ family: 'inet', name: 't', comment: 'made by podlace' }),
    flags,
  ),
  expectation('nft add chain inet t c', nft.addChain({ ...T, name: 'c' })),
  expectation('nft add chain inet t d', nft.addChain({ ...T, name: 'd' })),
  expectation(
    'nft add chain inet t post { type nat hook postrouting priority srcnat ; policy accept ; comment "out" ; }',
    nft.addChain({
      ...T,
      name: 'post',
      hook: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
      comment: 'out',
    }),
  ),
  expectation('nft add table netdev n', nft.addTable({ family: 'netdev', name: 'n' }), flags),
  expectation(
    'nft add chain netdev n in { type filter hook ingress device lo priority -500 ; policy drop ; }',
    nft.addChain({
      family: 'netdev',
      table: 'n',
      name: 'in',
      hook: { type: 'filter', hook: 'ingress', priority: -500, policy: 'drop', devices: ['lo'] },
    }),
  ),
  expectation('nft add set inet t plain { type ipv4_addr ; }', nft.addSet(plain)),
  expectation(
    'nft add set inet t nets { type ipv4_addr ; flags interval ; comment "pod networks" ; }',
    nft.addSet({ ...nets, comment: 'pod networks' }),
  ),
  expectation(
    'nft add set inet t nets6 { type ipv6_addr ; flags interval ; }',
    nft.addSet(set('nets6', ['ipv6_addr'], { interval: true })),
  ),
  expectation('nft add set inet t marks { type mark ; }', nft.addSet(marks)),
  expectation('nft add set inet t links { type ifname ; }', nft.addSet(links)),
  expectation(
    'nft add set inet t both { type ipv4_addr . inet_service ; flags interval ; }',
    nft.addSet(both),
    typeof_,
  ),
  expectation('nft add map inet t jumps { type inet_service : verdict ; }', nft.addSet(jumps), typeof_),
  expectation(
    'nft add map inet t services { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service ; }',
    nft.addSet(services),
    typeof_,
  ),
  expectation(
    'nft add element inet t plain { 10.0.0.1, 10.0.0.2 }',
    add(plain, { key: ['10.0.0.1'] }, { key: ['10.0.0.2'] }),
    setId,
  ),
  expectation(
    'nft add element inet t nets { 10.0.0.0/8, 11.0.0.1, 12.0.0.5-12.0.0.9 }',
    add(nets, { key: ['10.0.0.0/8'] }, { key: ['11.0.0.1'] }, { key: ['12.0.0.5-12.0.0.9'] }),
    zero,
  ),
  expectation('nft add element inet t marks { 0x4000 }', add(marks, { key: ['0x4000'] }), setId),
  expectation('nft add element inet t links { "eth0" }', add(links, { key: ['eth0'] }), setId),
  expectation(
    'nft add element inet t both { 10.0.0.0/8 . 80-90, 10.1.1.1 . 443 }',
    add(both, { key: ['10.0.0.0/8', '80-90'] }, { key: ['10.1.1.1', '443'] }),
    setId,
  ),
  expectation(
    'nft add element inet t jumps { 80 : jump c, 81 : accept }',
    add(jumps, { key: ['80'], value: { do: 'jump', chain: 'c' } }, { key: ['81'], value: { do: 'accept' } }),
    setId,
  ),
  expectation(
    'nft add element inet t services { 10.96.0.1 . tcp . 443 : 10.244.1.2 . 6443 }',
    add(services, { key: ['10.96.0.1', 'tcp', '443'], value: ['10.244.1.2', '6443'] }),
    setId,
  ),
  expectation(
    'nft add rule inet t post ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/17 masquerade fully-random comment "overlay"',
    rule(
      'post',
      [
        ...nft.matchAddress('inet', 'source', '10.244.0.0/16'),
        // nft knows by now that it is IPv4; each of our matches stands alone.
        ...nft.matchAddress('ip', 'destination', '10.244.0.0/17', true),
        ...nft.masquerade(nft.NF_NAT_RANGE_PROTO_RANDOM_FULLY),
      ],
      'overlay',
    ),
  ),
  expectation(
    'nft add rule inet t post meta mark and 0x4000 == 0x4000 counter return',
    rule('post', [...nft.matchMark(0x4000, 0x4000), ...nft.counter(), ...nft.verdict({ do: 'return' })]),
    op,
  ),
  expectation(
    'nft add rule inet t post oifname "eth0" iifname != "veth*" accept',
    rule('post', [
      ...nft.matchLink('out', 'eth0'),
      ...nft.matchLink('in', 'veth*', true),
      ...nft.verdict({ do: 'accept' }),
    ]),
  ),
  expectation(
    'nft add rule inet t post ip6 saddr fd00::/10 ip6 daddr @nets6 masquerade',
    rule('post', [
      ...nft.matchAddress('inet', 'source', 'fd00::/10'),
      ...withSetId(nft.matchSet('ip6', ['ip6 daddr'], 'nets6'), 3),
      ...nft.masquerade(),
    ]),
  ),
  expectation(
    'nft add rule inet t c ip saddr @nets ip daddr != @plain drop',
    rule('c', [
      ...withSetId(nft.matchSet('inet', ['ip saddr'], 'nets'), 2),
      ...withSetId(nft.matchSet('ip', ['ip daddr'], 'plain', true), 1),
      ...nft.verdict({ do: 'drop' }),
    ]),
  ),
  expectation(
    'nft add rule inet t c meta l4proto tcp th dport 53 goto d',
    rule('c', [
      ...nft.matchNumber('inet', 'l4proto', 6),
      ...nft.matchNumber('inet', 'th dport', 53),
      ...nft.verdict({ do: 'goto', chain: 'd' }),
    ]),
  ),
  expectation(
    'nft add rule inet t c meta mark set mark and 0xffffbfff xor 0x4000',
    rule('c', nft.setMark(0x4000, 0x4000)),
    op,
  ),
  expectation(
    'nft add rule netdev n in ip saddr 10.0.0.1 accept',
    nft.addRule({
      family: 'netdev',
      table: 'n',
      chain: 'in',
      expressions: [...nft.matchAddress('netdev', 'source', '10.0.0.1/32'), ...nft.verdict({ do: 'accept' })],
    }),
  ),
  expectation(
    'nft insert rule inet t c jump d',
    nft.insertRule({ ...T, chain: 'c', expressions: nft.verdict({ do: 'jump', chain: 'd' }) }),
  ),
  expectation(
    'nft delete element inet t nets { 10.0.0.0/8 }',
    nft.deleteElements({ ...T, set: 'nets' }, nft.elementsOf(nets, { key: ['10.0.0.0/8'] })),
    zero,
  ),
  expectation(
    'nft delete rule netdev n in handle 2',
    nft.deleteRules({ family: 'netdev', table: 'n', chain: 'in', handle: 2n }),
  ),
  expectation('nft flush chain inet t c', nft.deleteRules({ ...T, chain: 'c' })),
  expectation('nft flush table inet t', nft.deleteRules(T)),
  expectation('nft flush set inet t nets', nft.flushSet({ ...T, set: 'nets' })),
  expectation('nft delete set inet t nets', nft.deleteSet(nets)),
  expectation('nft delete chain inet t post', nft.deleteChain({ ...T, name: 'post' })),
  expectation('nft delete table inet t', nft.deleteTable({ family: 'inet', name: 't' })),
])
