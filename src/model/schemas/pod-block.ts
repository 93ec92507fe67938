import * as v from 'valibot'
import { closedObject, integerBetween, metadataSchema } from './common.ts'
import { prefixOf } from './prefix.ts'

/** Less leaves no time to try again; more than a week is longer than timers should be trusted with. */
export const blockCooldown = integerBetween(30, 604_800, 'a time in seconds')

/** podlace.dev/v1alpha1 PodBlock. */
export const podBlockSchema = v.looseObject({
  apiVersion: v.literal('podlace.dev/v1alpha1'),
  kind: v.literal('PodBlock'),
  metadata: metadataSchema,
  spec: closedObject({
    cidr: prefixOf(),
    nodeName: v.pipe(v.string(), v.nonEmpty('expected the name of a node, found an empty text')),
    nodeUID: v.string(),
    releasedAt: v.optional(
      v.pipe(
        v.string(),
        v.isoTimestamp(issue => `expected an RFC 3339 time, found ${issue.received}`),
      ),
    ),
  }),
  status: closedObject({
    attachments: v.optional(integerBetween(0, 1_000_000)),
    lease: v.optional(
      closedObject({
        instance: v.string(),
        bootId: v.string(),
        renewals: integerBetween(1, Number.MAX_SAFE_INTEGER),
        seconds: blockCooldown,
      }),
    ),
  }),
})
