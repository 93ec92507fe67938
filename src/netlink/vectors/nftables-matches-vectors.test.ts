import { nft } from '../index.ts'
import { checkVectors, expectation } from './check.ts'
import { withSetId } from './set-id.ts'

/** What rules read of packets and do with them, against what `nft` sends for it. */

const setId = { 4: 'nft adds the id that the set has in its batch' }
const op = { '4/1/2/6': 'nft says where a bitwise is boolean, which is what it is if nothing is said' }
const typeof_ = { 13: 'nft keeps how the key was written for its own printing; the type ids say enough' }

const set = (
  family: nft.Family,
  name: string,
  key: readonly nft.Datatype[],
  rest: Partial<nft.Set> = {},
) => ({
  family,
  table: family === 'bridge' ? 'b' : 't',
  name,
  key,
  interval: false,
  ...rest,
})
const ports = set('bridge', 'ports', ['ifname'], { value: 'verdict' })
const macs = set('bridge', 'macs', ['ifname', 'ether_addr'])
const ipv6 = set('bridge', 'ipv6', ['ifname', 'ipv6_addr'])
const any = set('ip', 'any', ['inet_proto', 'inet_service'], { value: ['ipv4_addr', 'inet_service'] })
const one = set('ip6', 'one', ['ipv6_addr', 'inet_proto', 'inet_service'], {
  value: ['ipv6_addr', 'inet_service'],
})
const pairs = set('inet', 'pairs', ['ipv4_addr', 'ipv4_addr'], { interval: true })

const add = (to: nft.Set, ...elements: nft.KeyedElement[]) =>
  nft.addElements(
    { family: to.family, table: to.table, set: to.name },
    elements.flatMap(element => nft.elementsOf(to, element)),
  )
const rule = (family: nft.Family, ...expressions: readonly (readonly nft.Expression[])[]) =>
  nft.addRule({
    family,
    table: family === 'bridge' ? 'b' : 't',
    chain: 'c',
    expressions: expressions.flat(),
  })
const ETHER_TYPE = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd }
const etherType = (type: keyof typeof ETHER_TYPE) => nft.matchNumber('bridge', 'ether type', ETHER_TYPE[type])
const accept = nft.verdict({ do: 'accept' })
const drop = nft.verdict({ do: 'drop' })

checkVectors('nftables-matches', [
  expectation(
    'nft add chain arp t in { type filter hook input priority -300 ; policy accept ; }',
    nft.addChain({
      family: 'arp',
      table: 't',
      name: 'in',
      hook: { type: 'filter', hook: 'input', priority: -300, policy: 'accept' },
    }),
  ),
  expectation(
    'nft add chain bridge b pre { type filter hook prerouting priority -400 ; policy accept ; }',
    nft.addChain({
      family: 'bridge',
      table: 'b',
      name: 'pre',
      hook: { type: 'filter', hook: 'prerouting', priority: -400, policy: 'accept' },
    }),
  ),
  expectation(
    'nft add set inet t pairs { type ipv4_addr . ipv4_addr ; flags interval ; }',
    nft.addSet(pairs),
    typeof_,
  ),
  expectation(
    'nft add element bridge b ports { "veth1" : goto c, "veth2" : return }',
    add(
      ports,
      { key: ['veth1'], value: { do: 'goto', chain: 'c' } },
      { key: ['veth2'], value: { do: 'return' } },
    ),
    setId,
  ),
  expectation(
    'nft add element bridge b macs { "veth1" . 02:00:00:00:00:01 }',
    add(macs, { key: ['veth1', '02:00:00:00:00:01'] }),
    setId,
  ),
  expectation(
    'nft add element bridge b ipv6 { "veth1" . fd00::1 }',
    add(ipv6, { key: ['veth1', 'fd00::1'] }),
    setId,
  ),
  expectation(
    'nft add element ip t any { tcp . 8080 : 10.244.1.2 . 80 }',
    add(any, { key: ['tcp', '8080'], value: ['10.244.1.2', '80'] }),
    setId,
  ),
  expectation(
    'nft add element ip6 t one { 2001:db8::1 . sctp . 8080 : fd00::2 . 80 }',
    add(one, { key: ['2001:db8::1', 'sctp', '8080'], value: ['fd00::2', '80'] }),
    setId,
  ),
  expectation(
    'nft add element inet t pairs { 10.244.1.0/24 . 10.244.1.2 }',
    add(pairs, { key: ['10.244.1.0/24', '10.244.1.2'] }),
    setId,
  ),
  expectation(
    'nft add rule bridge b c iifname vmap @ports',
    rule('bridge', withSetId(nft.mappedVerdict('bridge', ['iifname'], 'ports'), 1)),
  ),
  expectation(
    'nft add rule bridge b c iifname . ether saddr != @macs counter drop',
    rule(
      'bridge',
      withSetId(nft.matchSet('bridge', ['iifname', 'ether saddr'], 'macs', true), 2),
      nft.counter(),
      drop,
    ),
  ),
  expectation(
    'nft add rule bridge b c iifname . ip saddr @ipv4 accept',
    rule('bridge', withSetId(nft.matchSet('bridge', ['iifname', 'ip saddr'], 'ipv4'), 3), accept),
  ),
  expectation(
    'nft add rule bridge b c iifname . ip6 saddr != @ipv6 drop',
    rule('bridge', withSetId(nft.matchSet('bridge', ['iifname', 'ip6 saddr'], 'ipv6', true), 4), drop),
  ),
  expectation(
    'nft add rule bridge b c ether type arp goto d',
    rule('bridge', etherType('arp'), nft.verdict({ do: 'goto', chain: 'd' })),
  ),
  expectation(
    'nft add rule bridge b c iifname . arp saddr ether != @macs drop',
    rule(
      'bridge',
      etherType('arp'),
      withSetId(nft.matchSet('bridge', ['iifname', 'arp saddr ether'], 'macs', true), 2),
      drop,
    ),
  ),
  expectation(
    'nft add rule bridge b c iifname . arp saddr ip @ipv4 accept',
    rule(
      'bridge',
      etherType('arp'),
      withSetId(nft.matchSet('bridge', ['iifname', 'arp saddr ip'], 'ipv4'), 3),
      accept,
    ),
  ),
  expectation(
    'nft add rule bridge b c iifname . arp daddr ip @ipv4 accept',
    rule(
      'bridge',
      etherType('arp'),
      withSetId(nft.matchSet('bridge', ['iifname', 'arp daddr ip'], 'ipv4'), 3),
      accept,
    ),
  ),
  expectation(
    'nft add rule bridge b c arp saddr ip 0.0.0.0 accept',
    rule('bridge', etherType('arp'), nft.matchNumber('bridge', 'arp saddr ip', 0), accept),
  ),
  expectation(
    'nft add rule bridge b c ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop',
    rule('bridge', nft.matchDestinationMac('bridge', '01:80:c2:00:00:00', 'ff:ff:ff:ff:ff:f0'), drop),
    op,
  ),
  expectation(
    'nft add rule bridge b c ip option lsrr exists drop',
    rule('bridge', etherType('ip'), nft.matchIpOption('lsrr'), drop),
  ),
  expectation(
    'nft add rule bridge b c ip option ssrr exists drop',
    rule('bridge', etherType('ip'), nft.matchIpOption('ssrr'), drop),
  ),
  expectation(
    'nft add rule bridge b c ip option rr exists drop',
    rule('bridge', etherType('ip'), nft.matchIpOption('rr'), drop),
  ),
  expectation(
    'nft add rule bridge b c udp sport 67 drop',
    rule('bridge', nft.matchNumber('bridge', 'l4proto', 17), nft.matchNumber('bridge', 'th sport', 67), drop),
  ),
  expectation(
    'nft add rule bridge b c icmpv6 type nd-router-advert drop',
    rule(
      'bridge',
      etherType('ip6'),
      nft.matchNumber('bridge', 'l4proto', 58),
      nft.matchNumber('bridge', 'icmpv6 type', 134),
      drop,
    ),
  ),
  expectation(
    'nft add rule inet t c icmp type redirect drop',
    rule(
      'inet',
      [
        { expr: 'meta', key: 'nfproto', destination: 1 },
        { expr: 'cmp', source: 1, op: 'eq', value: Uint8Array.of(2) },
      ],
      nft.matchNumber('inet', 'l4proto', 1),
      nft.matchNumber('inet', 'icmp type', 5),
      drop,
    ),
  ),
  expectation(
    'nft add rule inet t c iifname . ether saddr @macs drop',
    rule('inet', withSetId(nft.matchSet('inet', ['iifname', 'ether saddr'], 'macs'), 7), drop),
  ),
  expectation(
    'nft add rule inet t c ct state established,related accept',
    rule('inet', nft.matchConnectionState(['established', 'related']), accept),
    op,
  ),
  expectation(
    'nft add rule inet t c ip saddr . ip daddr @pairs masquerade',
    rule('inet', withSetId(nft.matchSet('inet', ['ip saddr', 'ip daddr'], 'pairs'), 8), nft.masquerade()),
  ),
  expectation(
    'nft add rule ip t c fib daddr type local dnat ip addr . port to meta l4proto . th dport map @any',
    rule(
      'ip',
      nft.matchLocalDestination(),
      withSetId(nft.mappedDnat('ip', ['l4proto', 'th dport'], 'any'), 5),
    ),
  ),
  expectation(
    'nft add rule ip t c fib daddr type != local return',
    rule('ip', nft.matchLocalDestination(true), nft.verdict({ do: 'return' })),
  ),
  expectation(
    'nft add rule ip6 t c dnat ip6 addr . port to ip6 daddr . meta l4proto . th dport map @one',
    rule('ip6', withSetId(nft.mappedDnat('ip6', ['ip6 daddr', 'l4proto', 'th dport'], 'one'), 6)),
  ),
])
