import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandWords } from '../../../src/base/index.ts'
import {
  formatAddress,
  formatInterfaceAddress,
  formatPrefix,
  parseAddress,
  parseInterfaceAddress,
  parseMac,
  parsePrefix,
} from '../../../src/ip/index.ts'
import { formatHolder, parseHolder } from '../../../src/ipam/lease-file.ts'
import { parseNetConf, parseSubnetEnv, renderSubnetEnv } from '../../../src/overlay/index.ts'
import { decodeIcmpEcho, encodeIcmpEcho } from '../../../src/probe/icmp-echo.ts'
import { readKubeconfig } from '../../../src/store/index.ts'
import { matcherOf } from '../../../src/store/selectors.ts'
import { FrameDecoder } from '../../../src/sys/frames.ts'
import { target } from '../engine/target.ts'
import { textOf } from './input.ts'
import { metadata } from './objects.ts'

/** Small texts and frames that people, files and other programs give. */

const echo = { reply: true, identifier: 7, sequence: 9, data: Uint8Array.from([1, 2, 3]) }

const kubeconfig = `apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443", certificate-authority-data: "QQ==", insecure-skip-tls-verify: true}}]
users:
- name: u
  user: {token: secret, client-certificate-data: "QQ=="}
`

export const textTargets = [
  target({
    name: 'ip.address',
    form: 'text',
    errors: ['ip'],
    seeds: ['10.0.0.1', '2001:db8::1', '::ffff:10.0.0.1', 'fe80::1%eth0', '::'],
    decode: input => parseAddress(textOf(input)),
    encode: formatAddress,
  }),
  target({
    name: 'ip.prefix',
    form: 'text',
    errors: ['ip'],
    seeds: ['10.0.0.0/8', 'fd00::/48', '0.0.0.0/0', '10.0.0.1/24'],
    decode: input => parsePrefix(textOf(input)),
    encode: formatPrefix,
  }),
  target({
    name: 'ip.interface-address',
    form: 'text',
    errors: ['ip'],
    seeds: ['10.0.0.1/24', 'fd00::1/64', '10.0.0.1/32'],
    decode: input => parseInterfaceAddress(textOf(input)),
    encode: ({ address, prefix }) => formatInterfaceAddress(address, prefix.length),
  }),
  target({
    name: 'ip.mac',
    form: 'text',
    errors: ['ip'],
    seeds: ['02:42:0a:f4:01:02', '02-42-0A-F4-01-02', '0242.0af4.0102'],
    decode: input => parseMac(textOf(input)),
    encode: mac => mac,
  }),
  target({
    name: 'ipam.lease',
    form: 'text',
    errors: [],
    seeds: ['c1\r\neth0', 'c1', ' c1\r\neth0\n'],
    decode: input => parseHolder(textOf(input)),
    encode: holder => formatHolder({ containerId: '', ifName: '', ...holder }),
  }),
  target({
    name: 'overlay.subnet-env',
    form: 'text',
    errors: ['overlay.subnet-env'],
    seeds: [
      'FLANNEL_NETWORK=10.1.0.0/16,10.2.0.0/16\nFLANNEL_SUBNET=10.1.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
      'FLANNEL_IPV6_NETWORK="fd00::/48"\n# x\nFLANNEL_IPV6_SUBNET=fd00::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=0\n',
    ],
    decode: input => parseSubnetEnv(textOf(input)),
    encode: renderSubnetEnv,
  }),
  target({
    name: 'overlay.net-conf',
    form: 'text',
    errors: ['overlay.net-conf'],
    seeds: [
      '{"Network":"10.1.0.0/16","SubnetLen":25,"Backend":{"Type":"vxlan","VNI":1,"Port":0,"DirectRouting":true}}',
      '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fd00::/48","Backend":{"Type":"host-gw"}}',
      '{"Network":"10.1.0.0/26","Backend":{"Type":"extension","SubnetAddCommand":"/opt/add \'a b\'"}}',
    ],
    decode: input => parseNetConf(textOf(input), { name: 'default', masquerade: true }),
  }),
  target({
    name: 'base.command-words',
    form: 'text',
    errors: [],
    seeds: ['/opt/add --name="a b" \'c\'', 'a | b', "a 'b"],
    decode: input => commandWords(textOf(input)),
  }),
  target({
    name: 'store.selector',
    form: 'text',
    errors: ['store.invalid'],
    seeds: [
      'a=b,c!=d,e in (f,g),h notin (i),!j,k\nmetadata.name==a,spec.nodeName!=b',
      '\nstatus.phase=Running',
    ],
    decode: input => {
      const [labelSelector = '', fieldSelector = ''] = textOf(input).split('\n')
      const labels = { a: 'b', e: 'f', j: '' }
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'a', labels } }
      return matcherOf('Pod', { labelSelector, fieldSelector })(pod)
    },
  }),
  target({
    name: 'store.kubeconfig',
    form: 'text',
    errors: ['store.config'],
    seeds: [kubeconfig],
    decode: async input => {
      const directory = mkdtempSync(join(tmpdir(), 'podlace-fuzz-'))
      try {
        const file = join(directory, 'config')
        writeFileSync(file, input)
        return await readKubeconfig(file)
      } finally {
        rmSync(directory, { recursive: true })
      }
    },
  }),
  target({
    name: 'sys.frames',
    form: 'bytes',
    errors: ['sys'],
    seeds: [
      Uint8Array.from([3, 0, 0, 0, 2, 0x61, 0x62, 0, 0, 0, 0]),
      Uint8Array.from([200, 0, 0, 0, 1, 0x61, 0]),
    ],
    decode: input => {
      const decoder = new FrameDecoder(6)
      const size = 1 + (input[0] ?? 0)
      const frames = []
      for (let at = 1; at < input.length; at += size)
        frames.push(...decoder.push(input.subarray(at, at + size), []))
      return { frames, midFrame: decoder.midFrame }
    },
  }),
  target({
    name: 'probe.icmp-echo',
    form: 'bytes',
    errors: [],
    seeds: [
      encodeIcmpEcho(echo, 4),
      encodeIcmpEcho({ ...echo, reply: false }, 6),
      Buffer.concat([Uint8Array.from([0x45, ...new Uint8Array(19)]), encodeIcmpEcho(echo, 4)]),
    ],
    decode: input => [decodeIcmpEcho(input, 4), decodeIcmpEcho(input, 6)],
  }),
]
