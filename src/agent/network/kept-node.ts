import type { Node } from '../../model/index.ts'
import { nameInside } from './annotation-stem.ts'

/**
 * The part of a Node that the agent reads. The whole of a real one lists conditions, every image of the machine and much
 * more, some ten kilobytes; of a large cluster that would be most of the agent's memory.
 *
 * @param stem what names of our annotations begin with in this cluster; inside they have the usual ones
 */
export function keptNode(node: Node, stem: string): Node {
  const { name, uid, resourceVersion, creationTimestamp, annotations = {} } = node.metadata
  const ours = Object.entries(annotations).flatMap(([key, text]) => {
    const name = nameInside(stem, key)
    return name === undefined ? [] : [[name, text]]
  })
  const { podCIDR, podCIDRs } = node.spec
  const { addresses } = node.status
  return {
    apiVersion: node.apiVersion,
    kind: node.kind,
    metadata: { name, uid, resourceVersion, creationTimestamp, annotations: Object.fromEntries(ours) },
    spec: {
      ...(podCIDR === undefined ? {} : { podCIDR }),
      ...(podCIDRs === undefined ? {} : { podCIDRs: [...podCIDRs] }),
    },
    status:
      addresses === undefined ? {} : { addresses: addresses.map(({ type, address }) => ({ type, address })) },
  }
}
