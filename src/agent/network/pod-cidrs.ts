import type { Node } from '../../model/index.ts'

/** The blocks of a node; older API servers fill in only the singular field. */
export function podCidrsOf(node: Node): readonly string[] {
  const { podCIDRs, podCIDR } = node.spec
  return podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR])
}
