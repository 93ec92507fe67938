import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { acknowledgementFields } from './acknowledgement.ts'
import { addressFields } from './address.ts'
import type { Fields } from './attributes.ts'
import { batchFields } from './batch.ts'
import { bridgePortFields } from './bridge-port.ts'
import {
  flowFields,
  flowFilterFields,
  tupleAddressFields,
  tupleFields,
  tupleProtocolFields,
} from './conntrack.ts'
import { actionFields, mirredFields, u32Fields } from './filter.ts'
import { familyFields } from './generic.ts'
import { linkFields } from './link-attributes.ts'
import { inet6LinkFields } from './link-families.ts'
import { bridgeFields } from './link-kinds/bridge.ts'
import { ipipFields } from './link-kinds/ipip.ts'
import { ipvlanFields } from './link-kinds/ipvlan.ts'
import { macvlanFields } from './link-kinds/macvlan.ts'
import { tunFields } from './link-kinds/tun.ts'
import { vethFields } from './link-kinds/veth.ts'
import { vlanFields } from './link-kinds/vlan.ts'
import { vrfFields } from './link-kinds/vrf.ts'
import { vxlanFields } from './link-kinds/vxlan.ts'
import { neighbourFields } from './neighbour-wire.ts'
import { netnsIdFields } from './netns-id.ts'
import { routeMetricFields } from './next-hop.ts'
import { chainFields, hookFields } from './nftables/chain.ts'
import { dataFields } from './nftables/data.ts'
import { elementFields, elementListFields } from './nftables/element.ts'
import { expressionFields } from './nftables/expressions.ts'
import { generationFields } from './nftables/generation.ts'
import { ruleFields as nftRuleFields } from './nftables/rule.ts'
import { setDescriptionFields, setFields } from './nftables/set.ts'
import { tableFields } from './nftables/table.ts'
import { routeFields } from './route.ts'
import { ruleFields } from './rule.ts'
import { tokenBucketFields } from './token-bucket.ts'
import { htbFields } from './traffic-class.ts'
import { trafficControlFields } from './traffic-control.ts'
import { allowedIpFields } from './wireguard/allowed-ip.ts'
import { deviceFields } from './wireguard/device.ts'
import { peerFields } from './wireguard/peer.ts'

/** The numbers in our tables of attributes against the kernel headers (linux-libc-dev) of this machine. */

const headers = [
  'netlink.h',
  'if_link.h',
  'if_addr.h',
  'if_tunnel.h',
  'rtnetlink.h',
  'fib_rules.h',
  'neighbour.h',
  'net_namespace.h',
  'veth.h',
  'pkt_sched.h',
  'pkt_cls.h',
  'tc_act/tc_mirred.h',
  'netfilter/nfnetlink.h',
  'netfilter/nf_tables.h',
  'netfilter/nfnetlink_conntrack.h',
  'genetlink.h',
  'wireguard.h',
]

/** Every enumerator of the headers that is counted or given as a number. */
function enumerators(): Map<string, number> {
  const found = new Map<string, number>()
  for (const header of headers) {
    const source = readFileSync(`/usr/include/linux/${header}`, 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '')
    for (const [, body = ''] of source.matchAll(/enum\s*\w*\s*\{([^}]*)\}/g)) addEnumerators(body, found)
  }
  return found
}

function addEnumerators(body: string, found: Map<string, number>): void {
  let next = 0
  for (const line of body.replaceAll(/^\s*#.*$/gm, '').split(',')) {
    const [, name, given] = /^\s*(\w+)\s*(?:=\s*(\w+))?/.exec(line) ?? []
    if (name === undefined) continue
    next = given === undefined ? next : (found.get(given) ?? Number(given))
    found.set(name, next)
    next += 1
  }
}

const tables: readonly Fields[] = [
  acknowledgementFields,
  addressFields,
  batchFields,
  bridgePortFields,
  flowFields,
  flowFilterFields,
  tupleAddressFields,
  tupleFields,
  tupleProtocolFields,
  linkFields,
  inet6LinkFields,
  bridgeFields,
  macvlanFields,
  ipvlanFields,
  vlanFields,
  vrfFields,
  tunFields,
  ipipFields,
  vethFields,
  vxlanFields,
  neighbourFields,
  netnsIdFields,
  routeMetricFields,
  routeFields,
  ruleFields,
  htbFields,
  trafficControlFields,
  tokenBucketFields,
  u32Fields,
  actionFields,
  mirredFields,
  tableFields,
  chainFields,
  hookFields,
  nftRuleFields,
  setFields,
  setDescriptionFields,
  elementFields,
  elementListFields,
  dataFields,
  generationFields,
  familyFields,
  deviceFields,
  peerFields,
  allowedIpFields,
  ...Object.values(expressionFields),
]

test('every attribute has the number that the kernel headers give it', () => {
  const kernel = enumerators()
  const wrong: string[] = []
  for (const fields of tables) {
    for (const [number, name] of Object.values(fields)) {
      if (kernel.get(name) !== number)
        wrong.push(`${name}: ${number} here, ${kernel.get(name)} in the headers`)
    }
  }
  assert.deepEqual(wrong, [])
})
