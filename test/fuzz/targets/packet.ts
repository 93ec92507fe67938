import {
  DHCP_OPTION,
  decodeDhcp,
  decodeUdpIpv4,
  encodeDhcp,
  encodeUdpIpv4,
  readClasslessRoutes,
  readDomain,
  readDomainSearch,
  readPrefixLength,
  readStaticRoutes,
  readText,
} from '../../../src/packet/index.ts'
import { target } from '../engine/target.ts'

/** What servers of DHCP, and whoever plays one, send to a pod. */

const offer = {
  op: 'reply',
  type: 'offer',
  transaction: 0xc0ffee,
  seconds: 3,
  broadcast: true,
  clientAddress: '0.0.0.0',
  yourAddress: '10.1.0.9',
  mac: '02:42:0a:01:00:09',
  options: new Map([
    [DHCP_OPTION.subnetMask, Uint8Array.of(255, 255, 255, 0)],
    [DHCP_OPTION.serverIdentifier, Uint8Array.of(10, 1, 0, 1)],
    [DHCP_OPTION.domainSearch, Buffer.from('\x03lan\x00\x01a\xc0\x00', 'latin1')],
    [DHCP_OPTION.classlessRoutes, Uint8Array.of(0, 10, 1, 0, 1, 24, 10, 2, 0, 10, 1, 0, 2)],
  ]),
} as const

/** With options in `file` and `sname` too. */
const overloaded = Buffer.from(encodeDhcp({ ...offer, options: new Map([[52, Uint8Array.of(3)]]) }))
overloaded.set([DHCP_OPTION.routers, 4, 10, 1, 0, 1, 255], 108)
overloaded.set([DHCP_OPTION.domainName, 3, 0x6c, 0x61, 0x6e], 44)

const packet = { source: '10.1.0.1', target: '10.1.0.9', sourcePort: 67, targetPort: 68 } as const

export const packetTargets = [
  target({
    name: 'packet.dhcp-message',
    form: 'bytes',
    errors: [],
    seeds: [encodeDhcp(offer), encodeDhcp({ ...offer, op: 'request', type: 'discover' }), overloaded],
    decode: input => decodeDhcp(input),
    encode: value => (typeof value === 'string' ? new Uint8Array() : encodeDhcp(value)),
    written: value => (typeof value === 'string' ? undefined : { ...value, options: present(value.options) }),
  }),
  target({
    name: 'packet.dhcp-values',
    form: 'bytes',
    errors: [],
    seeds: [...offer.options.values(), Uint8Array.of(10, 9, 8, 7, 10, 1, 0, 1), Buffer.from('pods.lan')],
    decode: input => [
      readPrefixLength(input),
      readText(input),
      readDomain(input),
      readStaticRoutes(input),
      readClasslessRoutes(input),
      readDomainSearch(input),
    ],
  }),
  target({
    name: 'packet.udp-ipv4',
    form: 'bytes',
    errors: [],
    seeds: [
      encodeUdpIpv4({ ...packet, payload: encodeDhcp(offer) }),
      encodeUdpIpv4({ ...packet, payload: new Uint8Array() }),
    ],
    decode: input => decodeUdpIpv4(input, true),
    encode: value => (typeof value === 'string' ? new Uint8Array() : encodeUdpIpv4(value)),
    written: value => (typeof value === 'string' ? undefined : { ...value, payload: [...value.payload] }),
  }),
]

/** Bytes as plain numbers: views of one memory are compared by what they show. */
function present(options: ReadonlyMap<number, Uint8Array>): [number, number[]][] {
  return Array.from(options, ([code, value]) => [code, [...value]])
}
