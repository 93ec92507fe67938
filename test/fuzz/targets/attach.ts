import { parsePtpConfig, parseStaticConfig } from '../../../src/attach/index.ts'
import { type Target, target } from '../engine/target.ts'
import { jsonObject, NOT_JSON } from './input.ts'

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
