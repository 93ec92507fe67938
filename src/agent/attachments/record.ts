import * as v from 'valibot'
import {
  type Attachment,
  type AttachmentSpec,
  type BridgeSpec,
  type CniResult,
  planBridge,
  planLoopback,
} from '../../attach/index.ts'

/**
 * One attachment as the journal keeps it: what the planner was given, so that a newer agent plans it anew, and
 * where its addresses came from, so that DEL can give them back without the network's configuration.
 */
export interface AttachmentRecord {
  /** The plugin that made it: `podlace`, `bridge`, `loopback`. */
  readonly type: string
  /** SO_NETNS_COOKIE of the pod's namespace, decimal: paths and inodes are used again, cookies are not. */
  readonly netnsCookie: string
  readonly wiring: Wiring
  /** `node`: the node's own pool. `host-local`: the store on disk. */
  readonly addresses?: { readonly source: 'node' } | HostLocalAddresses
}

export interface HostLocalAddresses {
  readonly source: 'host-local'
  readonly dataDir: string
}

export type Wiring =
  | { readonly plan: 'bridge'; readonly spec: BridgeSpec }
  | { readonly plan: 'loopback'; readonly spec: AttachmentSpec; readonly prevResult?: CniResult }

/** An attachment with what its record comes to, planned once. */
export interface Attached {
  readonly record: AttachmentRecord
  readonly plan: Attachment
}

/** Pure: the entries and the result of an attachment. */
export function planRecord(record: AttachmentRecord): Attachment {
  const { wiring, netnsCookie } = record
  return wiring.plan === 'bridge'
    ? planBridge(wiring.spec, netnsCookie)
    : planLoopback(wiring.spec, wiring.prevResult)
}

/**
 * What tells a record of ours from something else. Lines bear checksums and only the agent writes them, so the parts
 * are not looked at one by one.
 */
const Shape = v.looseObject({
  type: v.string(),
  netnsCookie: v.string(),
  wiring: v.looseObject({
    plan: v.picklist(['bridge', 'loopback']),
    spec: v.looseObject({ containerId: v.string(), ifName: v.string(), network: v.string() }),
  }),
})

export function parseRecord(value: unknown): AttachmentRecord {
  v.assert(Shape, value)
  return value as unknown as AttachmentRecord
}
