import { parsePtpConfig } from '../../../src/attach/index.ts'
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
