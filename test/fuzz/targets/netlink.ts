import { acknowledgementFields, decodeAcknowledgement } from '../../../src/netlink/acknowledgement.ts'
import { attributeTable } from '../../../src/netlink/attributes.ts'
import { ByteWriter } from '../../../src/netlink/byte-writer.ts'
import { startGeneric } from '../../../src/netlink/generic.ts'
import {
  addClass,
  addClassFilter,
  addNeighbour,
  decodeAddress,
  decodeClass,
  decodeFdb,
  decodeFilter,
  decodeFlow,
  decodeLink,
  decodeNeighbour,
  decodeQdisc,
  decodeRoute,
  decodeRule,
  decodeWireguardPart,
  encodeAddress,
  encodeFdb,
  encodeFlow,
  encodeLink,
  encodeNeighbour,
  encodeNewRoute,
  encodeQdisc,
  encodeRule,
  joinWireguardDevice,
  parseEvents,
} from '../../../src/netlink/index.ts'
import { encodeMessage, NLMSG_DONE, NLMSG_ERROR } from '../../../src/netlink/messages.ts'
import { packRequests } from '../../../src/netlink/packing.ts'
import { collectAnswers, replyOf } from '../../../src/netlink/replies.ts'
import { deviceAttributes } from '../../../src/netlink/wireguard/device.ts'
import { target } from '../engine/target.ts'
import { messageOf, recorded } from './messages.ts'

/** What the kernel sends on a route socket. Everything unreadable is `netlink.malformed`. */

const errors = ['netlink.malformed']
const object = { form: 'attributes', errors } as const

const shaped = { linkIndex: 7, handle: 0x71_0001, parent: 0x71_0000 }
const classFilter = {
  linkIndex: 7,
  parent: 0x71_0000,
  priority: 114,
  match: { prefix: 'fd00:1:2:3:4000::/68', by: 'destination', classId: shaped.handle },
} as const

/** An acknowledgement as the kernel writes it, with an extended one behind. */
function acknowledgement(errno: number, extended: Parameters<typeof acknowledgementAttributes.write>[1]) {
  const request = encodeMessage({ type: 28, flags: 5, sequence: 1, body: new Uint8Array(12) })
  const writer = new ByteWriter().i32(-errno).bytes(request)
  acknowledgementAttributes.write(writer, extended)
  return encodeMessage({ type: NLMSG_ERROR, flags: 0x200, sequence: 1, body: writer.finish() })
}

const acknowledgementAttributes = attributeTable(acknowledgementFields)
const done = encodeMessage({ type: NLMSG_DONE, flags: 2, sequence: 2, body: new Uint8Array(4) })
const answers = [
  acknowledgement(0, {}),
  acknowledgement(17, { extAck: 'File exists', offset: 20, missingAttribute: 3 }),
  encodeMessage({ type: NLMSG_ERROR, flags: 0x100, sequence: 1, body: new Uint8Array(20) }),
  done,
]

const [asked] = packRequests(
  [1, 2].map(linkIndex => addNeighbour({ linkIndex, address: '10.0.0.1' })),
  1,
)

const flow = {
  source: '10.0.0.1',
  destination: '10.0.0.2',
  protocol: 17,
  sourcePort: 4000,
  destinationPort: 53,
  id: 9,
} as const
const flow6 = { ...flow, source: 'fd00::1', destination: 'fd00::2', zone: 3 } as const

/** IPCTNL_MSG_CT_NEW of NFNL_SUBSYS_CTNETLINK. */
const CT_NEW = 0x100

const wireguardPeers = {
  publicKey: Buffer.alloc(32, 1).toString('base64'),
  listenPort: 51_820,
  firewallMark: 7,
  peers: [2, 3].map(fill => ({
    publicKey: Buffer.alloc(32, fill).toString('base64'),
    presharedKey: Buffer.alloc(32, 4),
    endpoint: { address: fill === 2 ? '192.0.2.2' : '2001:db8::2', port: 51_820 },
    persistentKeepaliveSeconds: 25,
    lastHandshakeSeconds: 1,
    receivedBytes: 1n,
    sentBytes: 2n,
    allowedIps: ['10.244.2.0/24', 'fd00:2::/64'],
  })),
}

/** As the kernel tells of a device. */
function wireguard(device: Parameters<typeof deviceAttributes.write>[1]): Uint8Array {
  const writer = startGeneric({ command: 0, version: 1 })
  deviceAttributes.write(writer, { linkIndex: 40, name: 'wg0', ...device })
  return newMessage(0x22, writer.finish())
}

export const netlinkTargets = [
  target({
    name: 'netlink.datagram',
    form: 'bytes',
    errors,
    seeds: [...recorded('link'), Buffer.concat(recorded('address')), ...answers],
    decode: input => parseEvents([input]),
  }),
  target({
    name: 'netlink.acknowledgement',
    form: 'attributes',
    errors,
    seeds: answers,
    decode: input => decodeAcknowledgement(messageOf(input)),
  }),
  target({
    name: 'netlink.replies',
    form: 'bytes',
    errors,
    seeds: [...answers, Buffer.concat(answers), Buffer.concat([...recorded('link').slice(0, 2), done])],
    decode: input => {
      const found = asked === undefined ? [] : collectAnswers(asked, [input])
      return asked?.requests.map((request, i) => replyOf(request, found[i]))
    },
  }),
  target({
    ...object,
    name: 'netlink.link',
    seeds: recorded('link'),
    decode: input => decodeLink(messageOf(input)),
    encode: link => newMessage(16, encodeLink(link)),
    // the rest is what the kernel tells and nobody asks for; vxlan data without the flag says that it is off
    written: ({ index, name, mtu, mac, alias, group, info }) => {
      return { index, name, mtu, mac, alias, group, info: { gbp: false, ...info } }
    },
  }),
  target({
    ...object,
    name: 'netlink.address',
    seeds: recorded('address'),
    decode: input => decodeAddress(messageOf(input)),
    encode: address => newMessage(20, encodeAddress(address)),
  }),
  target({
    ...object,
    name: 'netlink.route',
    seeds: recorded('route'),
    decode: input => decodeRoute(messageOf(input)),
    encode: route => newMessage(24, encodeNewRoute(route)),
  }),
  target({
    ...object,
    name: 'netlink.rule',
    seeds: recorded('rule'),
    decode: input => decodeRule(messageOf(input)),
    encode: rule => newMessage(32, encodeRule(rule)),
  }),
  target({
    ...object,
    name: 'netlink.neighbour',
    seeds: recorded('neighbour'),
    decode: input => decodeNeighbour(messageOf(input)),
    encode: neighbour => newMessage(28, encodeNeighbour(neighbour)),
  }),
  target({
    ...object,
    name: 'netlink.fdb',
    seeds: recorded('fdb'),
    decode: input => decodeFdb(messageOf(input)),
    encode: entry => newMessage(28, encodeFdb(entry)),
    // a request says by a flag of its own which table is meant
    written: ({ flags: _flags, masterIndex: _kernels, ...entry }) => entry,
  }),
  target({
    ...object,
    name: 'netlink.qdisc',
    seeds: recorded('traffic-control'),
    decode: input => decodeQdisc(messageOf(input)),
    encode: qdisc => newMessage(36, encodeQdisc(qdisc)),
    // of a time between two that a number of bytes takes, these say the longer
    written: ({ tokenBucket, ...qdisc }) => ({ ...qdisc, bucketLimit: tokenBucket?.limit }),
  }),
  target({
    ...object,
    name: 'netlink.filter',
    seeds: [...recorded('traffic-control'), newMessage(44, addClassFilter(classFilter).body)],
    decode: input => decodeFilter(messageOf(input)),
  }),
  target({
    ...object,
    name: 'netlink.class',
    seeds: [newMessage(40, addClass({ ...shaped, rate: 125_000, burst: 20_000 }).body)],
    decode: input => decodeClass(messageOf(input)),
  }),
  target({
    ...object,
    name: 'netlink.flow',
    seeds: [encodeFlow({ family: 4, ...flow }), encodeFlow({ family: 6, ...flow6 })].map(body =>
      newMessage(CT_NEW, body),
    ),
    decode: input => decodeFlow(messageOf(input)),
    encode: entry => newMessage(CT_NEW, encodeFlow(entry)),
  }),
  target({
    ...object,
    name: 'netlink.wireguard',
    seeds: [wireguard({}), wireguard(wireguardPeers)],
    decode: input => joinWireguardDevice([decodeWireguardPart(messageOf(input))]),
    encode: device => wireguard(device),
  }),
]

function newMessage(type: number, body: Uint8Array): Uint8Array {
  return encodeMessage({ type, flags: 0, sequence: 0, body })
}
