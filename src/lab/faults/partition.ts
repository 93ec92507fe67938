import type { Lab } from '../lab.ts'
import type { LabNode } from '../state.ts'
import { setPortForwarding } from '../underlay.ts'

/** Cuts a node off from the underlay, or joins it again. Its own interfaces notice nothing. */
export function partitionNode(lab: Lab, node: LabNode, cut: boolean): Promise<void> {
  return setPortForwarding(lab.process('underlay'), node.number, !cut)
}
