import { parseConfiguration, parseParameters } from '../../../src/cni/index.ts'
import { clientSettings } from '../../../src/dhcp/client-options.ts'
import { decodeRecord, encodeRecord } from '../../../src/dhcp/record.ts'
import { target } from '../engine/target.ts'
import { json, jsonObject, NOT_JSON } from './input.ts'

/** What networks say of their DHCP clients, and what an earlier daemon has left on disk. */

const parameters = parseParameters(
  new Map([
    ['CNI_COMMAND', 'ADD'],
    ['CNI_CONTAINERID', 'c1'],
    ['CNI_NETNS', '/run/netns/c1'],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_ARGS', 'K8S_POD_NAME=web-1'],
  ]),
)

const record = {
  containerId: 'c1',
  ifName: 'eth0',
  network: 'lan',
  place: { netns: '/run/netns/c1', cookie: '77', linkIndex: 2 },
  client: {
    broadcast: false,
    options: [
      [61, '0063'],
      [12, ''],
    ],
  },
  lease: {
    address: '10.1.0.9/24',
    server: '10.1.0.1',
    serverMac: '02:00:00:00:00:67',
    renewMs: 1,
    rebindMs: 2.5,
    endMs: 3,
  },
}

export const dhcpTargets = [
  target({
    name: 'dhcp.client-options',
    form: 'json',
    errors: ['cni', NOT_JSON],
    seeds: [
      '{"request":[{"option":"42"},{"skipDefault":true}],"priority":50}',
      '{"provide":[{"option":"host-name","fromArg":"K8S_POD_NAME"},{"option":"60","value":"x"}],"request":null}',
    ],
    decode: input => {
      const ipam = { ...jsonObject(input), type: 'dhcp' }
      const config = { cniVersion: '1.0.0', name: 'lan', type: 'bridge', ipam }
      return clientSettings(parseConfiguration(Buffer.from(JSON.stringify(config))), parameters)
    },
  }),
  target({
    name: 'dhcp.lease-record',
    form: 'json',
    errors: [NOT_JSON],
    seeds: [JSON.stringify(record), JSON.stringify({ ...record, fault: 'no DHCP server answered' })],
    decode: input => decodeRecord(json(input)),
    encode: value => (typeof value === 'string' ? 'null' : encodeRecord(value)),
    written: value => (typeof value === 'string' ? undefined : encodeRecord(value)),
  }),
]
