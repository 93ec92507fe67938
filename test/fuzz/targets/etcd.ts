import { objectOf } from '../../../src/agent/etcd/subnet-objects.ts'
import { METHODS } from '../../../src/etcd/messages.ts'
import { formatLeaseKey, parseLeaseKey } from '../../../src/overlay/index.ts'
import { target } from '../engine/target.ts'
import { textOf } from './input.ts'

/** What an etcd answers, and what flannel's nodes write there. */

const { response: watch } = METHODS.watch

const view = {
  nodeName: 'node-1',
  publicAddress: '192.168.77.1',
  uplinkAddress: '192.168.77.1',
  masquerading: { masquerade: true },
  ownKey: '/net/subnets/10.5.1.0-24',
  configKey: '/net/config',
  configName: 'default',
  bootId: 'boot-1',
  ttlSeconds: 86_400,
}

const kv = (key: string, value: string) => ({
  key,
  value,
  createRevision: 5,
  modRevision: 7,
  version: 2,
  lease: -2n,
})

export const etcdTargets = [
  target({
    name: 'etcd.watch',
    form: 'bytes',
    errors: ['grpc.malformed'],
    seeds: [
      watch.encode({
        header: { revision: 7 },
        created: false,
        canceled: false,
        compactRevision: 0,
        cancelReason: '',
        events: [{ type: 1, kv: kv('/a', ''), prevKv: kv('/a', 'x') }],
      }),
    ],
    decode: input => watch.decode(input),
    encode: value => watch.encode(value),
  }),
  target({
    name: 'etcd.lease',
    form: 'json',
    errors: [],
    seeds: [
      '{"PublicIP":"192.168.77.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:03"}}',
      '{"PublicIP":"192.168.77.1","PublicIPv6":"fd77::1","BackendType":"host-gw"}',
    ],
    decode: input =>
      ['10.5.1.0-24', '10.5.3.0-24&fd00:5:0:3::-64'].flatMap(name =>
        (['Node', 'PodBlock'] as const).map(kind =>
          objectOf(kind, kv(`/net/subnets/${name}`, textOf(input)), view),
        ),
      ),
  }),
  target({
    name: 'etcd.net-conf',
    form: 'json',
    errors: [],
    seeds: [
      '{"Network":"10.5.0.0/16","SubnetLen":25,"SubnetMin":"10.5.8.0","Backend":{"Type":"vxlan","VNI":7}}',
      '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fd00:5::/56","Backend":{"Type":"host-gw"}}',
    ],
    decode: input => objectOf('NetworkConfig', kv('/net/config', textOf(input)), view),
  }),
  target({
    name: 'etcd.lease-key',
    form: 'text',
    errors: [],
    seeds: ['10.5.3.0-24', '10.5.3.0-24&fd00:5:0:3::-64'],
    decode: input => parseLeaseKey(textOf(input)),
    encode: cidrs => formatLeaseKey(cidrs ?? []),
  }),
]
