import { parseBandwidthConfig, parseBridgeConfig } from '../../../src/attach/index.ts'
import {
  decodeCacheEntry,
  decodeReply,
  decodeRequest,
  encodeCacheEntry,
  encodeReply,
  encodeRequest,
  formatResult,
  parseConfiguration,
  parseNetworkList,
  parseParameters,
  parseResult,
  parseSingleConfiguration,
} from '../../../src/cni/index.ts'
import { target } from '../engine/target.ts'
import { bridgeConfiguration, cniRequest, prevResult } from './cni-inputs.ts'
import { jsonObject, NOT_JSON, textOf } from './input.ts'

/** What a runtime gives to a plugin, and the shim to the agent. */

const errors = ['cni']

export const cniTargets = [
  target({
    name: 'cni.request',
    form: 'bytes',
    errors,
    seeds: [cniRequest('bridge', {}), cniRequest('podlace', { CNI_ARGS: 'K8S_POD_NAME=a' })],
    decode: decodeRequest,
    encode: encodeRequest,
    // with the order of the variables, which a Map has and nobody asks for, left out
    written: request => ({ ...request, stdin: [...request.stdin] }),
  }),
  target({
    name: 'cni.reply',
    form: 'bytes',
    errors,
    seeds: ['\0{"cniVersion":"1.1.0"}'],
    decode: decodeReply,
    encode: encodeReply,
    written: ({ exitCode, stdout }) => [exitCode, ...stdout],
  }),
  target({
    name: 'cni.parameters',
    form: 'text',
    errors,
    seeds: [
      'CNI_COMMAND=ADD\nCNI_CONTAINERID=c1\nCNI_NETNS=/run/netns/a\nCNI_IFNAME=eth0\nCNI_PATH=/opt/cni/bin:/x\n' +
        'CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-1;K8S_POD_UID=u-1;IP=10.1.0.9',
      'CNI_COMMAND=GC\nCNI_NETNS_OVERRIDE=1',
    ],
    decode: input => parseParameters(variablesOf(textOf(input))),
  }),
  target({
    name: 'cni.configuration',
    form: 'json',
    errors,
    seeds: [
      JSON.stringify(bridgeConfiguration),
      JSON.stringify({
        ...bridgeConfiguration,
        prevResult,
        runtimeConfig: { ips: ['10.1.0.9'], mac: '02:00:00:00:00:01' },
      }),
      '{"name":"n","type":"loopback","args":{"cni":{"ips":["10.1.0.9/24"]}},"dns":{"nameservers":["10.0.0.1"]},' +
        '"cni.dev/valid-attachments":[{"containerID":"c","ifname":"eth0"}],"\\u0061":1}',
    ],
    decode: parseConfiguration,
  }),
  target({
    name: 'cni.result',
    form: 'json',
    errors: [...errors, NOT_JSON],
    seeds: [
      JSON.stringify(prevResult),
      '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.2/24","gateway":"10.1.0.1","routes":[{"dst":"0.0.0.0/0"}]},"ip6":null}',
    ],
    decode: input => parseResult(jsonObject(input), '1.1.0'),
    encode: result => JSON.stringify(formatResult(result, '1.1.0')),
  }),
  target({
    name: 'cni.bandwidth-configuration',
    form: 'json',
    errors: ['attach', NOT_JSON],
    seeds: [
      '{"ingressRate":8000000,"ingressBurst":800000,"egressRate":4000000,"egressBurst":400000}',
      '{"runtimeConfig":{"bandwidth":{"ingressRate":1000,"ingressBurst":34359738352,"egressRate":0}}}',
      '{"egressRate":null,"shapedSubnets":["10.0.0.0/8"],"unshapedSubnets":[]}',
    ],
    decode: input => parseBandwidthConfig(jsonObject(input)),
  }),
  target({
    name: 'cni.network-list',
    form: 'json',
    errors,
    seeds: [
      '{"cniVersion":"0.4.0","cniVersions":["1.0.0","1.1.0"],"name":"pods","disableCheck":true,"disableGC":"false",' +
        '"plugins":[{"type":"bridge","capabilities":{"mac":true}},{"type":"portmap","snat":true}]}',
      '{"name":"pods","loadOnlyInlinedPlugins":"False"}',
    ],
    decode: input => parseNetworkList(input, 'a list'),
  }),
  target({
    name: 'cni.single-configuration',
    form: 'json',
    errors,
    seeds: ['{"cniVersion":"0.3.1","name":"old","type":"bridge","10":"a&b","9":[{"\\u2028":null}]}'],
    decode: input => parseSingleConfiguration(input, 'a configuration'),
  }),
  target({
    name: 'cni.cache',
    form: 'json',
    errors,
    seeds: [
      '{"kind":"cniCacheV1","containerId":"c1","config":"e30=","ifName":"eth0","networkName":"pods","netns":"/run/netns/a",' +
        '"cniArgs":[["A","1"]],"capabilityArgs":{"mac":"02:00:00:00:00:01"},"result":{"cniVersion":"1.0.0","10":1,"9":"<"}}',
    ],
    decode: input => decodeCacheEntry(input, 'a cache file'),
    encode: encodeCacheEntry,
    // What is empty is left out, as libcni does.
    written: ({
      attachment: { args = [], capabilityArgs = {}, netns = '', ...attachment },
      result = {},
      ...entry
    }) => {
      return { ...entry, result, attachment: { ...attachment, args, capabilityArgs, netns } }
    },
  }),
  target({
    name: 'cni.bridge-configuration',
    form: 'json',
    errors: ['attach', NOT_JSON],
    seeds: [
      JSON.stringify(bridgeConfiguration),
      '{"guard":false,"macspoofchk":true}',
      '{"vlan":3,"vlanTrunk":[{"id":5},{"minID":7,"maxID":9}],"preserveDefaultVlan":false}',
      '{"promiscMode":true,"ipMasqBackend":"iptables"}',
    ],
    decode: input => parseBridgeConfig(jsonObject(input)),
    encode: config => JSON.stringify(config),
    // VLANs are put differently, and not written back.
    written: ({ vlans: _vlans, ...rest }) => rest,
  }),
]

/** A line for each variable. */
function variablesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').map(line => {
      const [name = ''] = line.split('=', 1)
      return [name, line.slice(name.length + 1)]
    }),
  )
}
