import * as v from 'valibot'
import { metadataSchema } from './common.ts'

/** core/v1 Node. Fields we do not read are neither checked nor lost. */
export const nodeSchema = v.looseObject({
  apiVersion: v.literal('v1'),
  kind: v.literal('Node'),
  metadata: metadataSchema,
  spec: v.looseObject({ podCIDR: v.optional(v.string()), podCIDRs: v.optional(v.array(v.string())) }),
  status: v.looseObject({
    addresses: v.optional(v.array(v.looseObject({ type: v.string(), address: v.string() }))),
    conditions: v.optional(
      v.array(
        v.looseObject({
          type: v.string(),
          status: v.picklist(['True', 'False', 'Unknown']),
          reason: v.optional(v.string()),
          message: v.optional(v.string()),
          lastTransitionTime: v.optional(v.nullable(v.string())),
        }),
      ),
    ),
  }),
})

/** core/v1 Pod. */
export const podSchema = v.looseObject({
  apiVersion: v.literal('v1'),
  kind: v.literal('Pod'),
  metadata: metadataSchema,
  spec: v.looseObject({ nodeName: v.optional(v.string()), hostNetwork: v.optional(v.boolean()) }),
  status: v.looseObject({
    phase: v.optional(v.string()),
    podIP: v.optional(v.string()),
    podIPs: v.optional(v.array(v.looseObject({ ip: v.string() }))),
  }),
})
