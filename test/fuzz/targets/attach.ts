import {
  checkSysctlAllowlist,
  parsePtpConfig,
  parseSbrConfig,
  parseStaticConfig,
  parseTuningConfig,
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
]

function configuration(plugin: string, parse: (raw: unknown) => object, seeds: readonly object[]): Target {
  return target({
    name: `attach.${plugin}-configuration`,
    form: 'json',
    errors: ['attach', NOT_JSON],
    seeds: seeds.map(seed => JSON.stringify(seed)),
    decode: input => parse(jsonObject(input)),
    encode: config => JSON.stringify(config),
  })
}

/** With the keys of sysctls read as well. */
function tuned(config: TuningConfig): object {
  const prevResult = { interfaces: [], ips: [], routes: [], dns: {} }
  return planTuning({ network: 'n', containerId: 'c', ifName: 'eth0', prevResult, config })
}
