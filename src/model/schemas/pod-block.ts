import * as v from 'valibot'
import { closedObject, integerBetween, metadataSchema } from './common.ts'
import { prefixOf } from './prefix.ts'

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
  }),
})
