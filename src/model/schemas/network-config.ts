import * as v from 'valibot'
import { tryParsePrefix } from '../../ip/index.ts'
import { backendSchema } from './backends.ts'
import { closedObject, integerBetween, metadataSchema } from './common.ts'
import { blockCooldown } from './pod-block.ts'
import { prefixOf } from './prefix.ts'

const spec = v.pipe(
  closedObject({
    network: v.optional(prefixOf(4, 28)),
    ipv6Network: v.optional(prefixOf(6, 124)),
    subnetLength: v.optional(integerBetween(1, 30, 'a prefix length')),
    ipv6SubnetLength: v.optional(integerBetween(1, 126, 'a prefix length')),
    backend: backendSchema,
    masquerade: v.optional(v.boolean()),
    masqueradeRandomFully: v.optional(v.boolean()),
    forwardRules: v.optional(v.boolean()),
    blockCooldownSeconds: v.optional(blockCooldown),
  }),
  v.check(
    value => value.network !== undefined || value.ipv6Network !== undefined,
    'expected network or ipv6Network (or both), found neither',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    const { network, subnetLength = 24, ipv6Network, ipv6SubnetLength = 64 } = dataset.value
    const v4 = tooLong('subnetLength', network, subnetLength)
    const v6 = tooLong('ipv6SubnetLength', ipv6Network, ipv6SubnetLength)
    for (const message of [v4, v6]) if (message !== undefined) addIssue({ message })
  }),
)

/** A block must be a part of the network: its prefix is at least as long. */
function tooLong(field: string, network: string | undefined, subnetLength: number): string | undefined {
  const prefix = network === undefined ? undefined : tryParsePrefix(network)
  // A network that is none has been told already.
  if (prefix === undefined || subnetLength >= prefix.length) return undefined
  const { length } = prefix
  return `expected ${field} of at least ${length}, the length of ${network}, found ${subnetLength}: a node's block is cut out of the network; give a longer ${field} or a larger network`
}

/** podlace.dev/v1alpha1 NetworkConfig. */
export const networkConfigSchema = v.looseObject({
  apiVersion: v.literal('podlace.dev/v1alpha1'),
  kind: v.literal('NetworkConfig'),
  metadata: metadataSchema,
  spec,
})
