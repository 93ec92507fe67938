import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contains, parseAddress, parsePrefix } from '../ip/index.ts'
import { formatEntry, type NftMatch } from '../kernel/index.ts'
import { masqueradeTable } from './masquerade.ts'

const v4 = { family: 4, block: parsePrefix('10.244.1.0/24'), network: parsePrefix('10.244.0.0/16') } as const

test('the table as text', () => {
  assert.equal(
    formatEntry(masqueradeTable(v4, true)),
    [
      'table ip podlace-masq {',
      '  chain postrouting {',
      '    type nat hook postrouting priority 100; policy accept;',
      '    meta mark & 0x4000 == 0x4000 return comment "overlay: left to kube-proxy"',
      '    ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return comment "overlay: own pods to the network"',
      '    ip saddr 10.244.0.0/16 ip daddr 10.244.1.0/24 return comment "overlay: the network to own pods"',
      '    ip saddr != 10.244.0.0/16 ip daddr 10.244.1.0/24 return comment "overlay: outside to own pods"',
      '    ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random ' +
        'comment "overlay: the network to outside"',
      '    ip saddr != 10.244.0.0/16 ip daddr 10.244.0.0/16 masquerade fully-random ' +
        'comment "overlay: outside to pods elsewhere"',
      '  }',
      '}',
    ].join('\n'),
  )
})

test('ports are chosen as the kernel does by itself where that is wanted', () => {
  const text = formatEntry(masqueradeTable(v4, false))
  assert.equal(text, formatEntry(masqueradeTable(v4, true)).replaceAll(' fully-random', ''))
})

const packets: readonly [what: string, from: string, to: string, mark: number, verdict: string][] = [
  ['pod to pod elsewhere', '10.244.1.2', '10.244.3.2', 0, 'return'],
  ['pod elsewhere to own pod', '10.244.3.2', '10.244.1.2', 0, 'return'],
  ['pod to the world', '10.244.1.2', '1.1.1.1', 0, 'masquerade'],
  ['pod to a group', '10.244.1.2', '224.0.0.251', 0, 'accept'],
  ['the world to own pod keeps its source', '203.0.113.9', '10.244.1.2', 0, 'return'],
  // The case that flannel's nftables rules return and its iptables rules masquerade.
  ['host address to pod elsewhere', '192.168.77.1', '10.244.3.2', 0, 'masquerade'],
  ['what kube-proxy marked, other bits set', '10.244.1.2', '1.1.1.1', 0x4001, 'return'],
  ['host to the world', '192.168.77.1', '1.1.1.1', 0, 'accept'],
]

for (const [what, from, to, mark, verdict] of packets) {
  test(`${what}: ${verdict}`, () => assert.equal(evaluate(from, to, mark), verdict))
}

const inCluster = (text: string) => text.startsWith('10.244.')
const inBlock = (text: string) => text.startsWith('10.244.1.')

/**
 * What flannel's six iptables rules do, written independently of how ours are: negated matches are spelled as in
 * `iptables-save`, which is what its users have relied on for years.
 */
function flannel(from: string, to: string, mark: number): string {
  if ((mark & 0x4000) !== 0) return 'return'
  if (inBlock(from) && inCluster(to)) return 'return'
  if (inCluster(from) && inBlock(to)) return 'return'
  if (!inCluster(from) && inBlock(to)) return 'return'
  if (inCluster(from) && Number(to.split('.')[0]) >> 4 !== 14) return 'masquerade'
  if (!inCluster(from) && inCluster(to)) return 'masquerade'
  return 'accept'
}

test('any packet fares as under iptables', () => {
  const address = fc.oneof(
    fc.constantFrom('10.244.1.2', '10.244.3.2', '192.168.77.1', '224.0.0.1'),
    fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map(parts => parts.join('.')),
  )
  fc.assert(
    fc.property(address, address, fc.nat(0xffff), (from, to, mark) => {
      assert.equal(evaluate(from, to, mark), flannel(from, to, mark))
    }),
    { numRuns: 300 },
  )
})

function evaluate(from: string, to: string, mark: number): string {
  const holds = (match: NftMatch): boolean => {
    if (match.on === 'mark') return (mark & match.mask) === match.value
    if (!('prefix' in match)) return false
    const address = parseAddress(match.on === 'source' ? from : to)
    return contains(parsePrefix(match.prefix), address) !== (match.not ?? false)
  }
  const [chain] = masqueradeTable(v4, true).chains
  return chain?.rules.find(rule => rule.match.every(holds))?.verdict.do ?? 'accept'
}
