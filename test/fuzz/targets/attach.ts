import {
  checkSysctlAllowlist,
  parseFirewallConfig,
  parseHostDeviceConfig,
  parseIpvlanConfig,
  parseMacvlanConfig,
  parsePortmapConfig,
  parsePtpConfig,
  parseSbrConfig,
  parseStaticConfig,
  parseTapConfig,
  parseTuningConfig,
  parseVlanConfig,
  parseVrfConfig,
  planTuning,
  type TuningConfig,
} from '../../../src/attach/index.ts'
import { type Target, target } from '../engine/target.ts'
import { jsonObject, NOT_JSON, textOf } from './input.ts'

/** The keys of interface and chained plugins, in a configuration that has been found to be a JSON object. */

export const attachTargets: readonly Target[] = [
  configuration('ptp', parsePtpConfig, [
    {
      ipMasq: true,
      ipMasqBackend: 'nftables',
      mtu: 1450,
      dns: { nameservers: ['10.0.0.1'], domain: 'a.test' },
    },
    { ipMasqBackend: 'iptables' },
  ]),
  configuration('static', parseStaticConfig, [
    {
      addresses: [
        { address: '10.1.0.5/24', gateway: '10.1.0.1' },
        { address: 'fd00::5/64', gateway: '' },
      ],
      routes: [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.0.7', mtu: 1400, scope: 253 }],
      dns: { search: ['a.test'] },
    },
  ]),
  configuration('sbr', parseSbrConfig, [
    { gateways: ['10.0.0.1', 'FD00::1'], addSourceHints: true },
    { table: 5001 },
  ]),
  configuration('macvlan', parseMacvlanConfig, [
    {
      master: 'eth0',
      mode: 'vepa',
      mac: '02:00:00:00:00:01',
      mtu: 1400,
      linkInContainer: true,
      bcqueuelen: 9,
    },
  ]),
  configuration('ipvlan', parseIpvlanConfig, [{ master: '', mode: 'l3s', mtu: 1400 }, { mode: '' }]),
  configuration('vlan', parseVlanConfig, [{ master: 'eth0', vlanId: 4094, dns: { domain: 'a.test' } }]),
  configuration('tap', parseTapConfig, [
    { multiQueue: true, owner: 0, group: 107, bridge: 'br0', mtu: 1400, mac: '02:00:00:00:00:01' },
    { selinuxContext: 'a:b:c' },
  ]),
  configuration('vrf', parseVrfConfig, [{ vrfname: 'red', table: 5 }]),
  target({
    name: 'attach.host-device-configuration',
    form: 'json',
    errors: ['attach', NOT_JSON],
    seeds: [
      '{"device":"ens3","hwaddr":""}',
      '{"hwaddr":"02:00:00:00:00:0A","pciBusID":"0000:00:1f.6"}',
      '{"kernelpath":"/sys/devices/pci0000:00/0000:00:19.0/","dns":{"domain":"a.test"}}',
      '{"runtimeConfig":{"deviceID":"mlx5_core.sf.2"}}',
    ],
    decode: input => parseHostDeviceConfig(jsonObject(input)),
  }),
  target({
    name: 'attach.tuning-configuration',
    form: 'json',
    errors: ['attach', NOT_JSON],
    seeds: [
      JSON.stringify({
        sysctl: { 'net.core.somaxconn': '500', 'net/ipv4/conf/IFNAME/arp_filter': '1' },
        mac: '02:00:00:00:00:01',
        promisc: true,
        mtu: 1400,
        txQLen: 5,
        allmulti: true,
        args: { cni: { sysctl: { 'net.ipv4.conf.IFNAME.arp_notify': '1' }, txQLen: 7, promisc: false } },
      }),
    ],
    decode: input => tuned(parseTuningConfig(jsonObject(input))),
  }),
  target({
    name: 'attach.sysctl-allowlist',
    form: 'text',
    errors: ['attach', 'pattern'],
    seeds: ['^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$\n# others\n(a|b+)?\\w.[^-x]', '^net\\.core\\.somax.*$'],
    decode: input => checkSysctlAllowlist([{ key: 'net.core.somaxconn', value: '1' }], textOf(input)),
  }),
  target({
    ...keys('firewall', [
      { backend: 'firewalld', firewalldZone: 'trusted', ingressPolicy: 'same-bridge' },
      { backend: 'iptables', iptablesAdminChainName: 'CNI-ADMIN', ingressPolicy: 'isolated' },
    ]),
    decode: input => parseFirewallConfig(jsonObject(input)),
  }),
  target({
    ...keys('portmap', [
      {
        snat: true,
        masqAll: true,
        markMasqBit: 14,
        conditionsV4: ['!', '-d', '192.0.2.0/24', '-i', 'eth+'],
        conditionsV6: ['ip6', 'saddr', '!=', 'fd00::/8'],
        runtimeConfig: {
          portMappings: [
            { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
            { hostPort: 53, containerPort: 53, protocol: 'UDP', hostIP: '192.0.2.1' },
          ],
        },
      },
      { externalSetMarkChain: 'KUBE-MARK-MASQ', backend: 'nftables' },
    ]),
    decode: input => parsePortmapConfig(jsonObject(input)),
  }),
]

function configuration(plugin: string, parse: (raw: unknown) => object, seeds: readonly object[]): Target {
  return target({
    ...keys(plugin, seeds),
    decode: input => parse(jsonObject(input)),
    encode: config => JSON.stringify(config),
  })
}

/** With the keys of sysctls read as well. */
function tuned(config: TuningConfig): object {
  const prevResult = { interfaces: [], ips: [], routes: [], dns: {} }
  return planTuning({ network: 'n', containerId: 'c', ifName: 'eth0', prevResult, config })
}

function keys(plugin: string, seeds: readonly object[]) {
  return {
    name: `attach.${plugin}-configuration`,
    form: 'json',
    errors: ['attach', NOT_JSON],
    seeds: seeds.map(seed => JSON.stringify(seed)),
  } as const
}
