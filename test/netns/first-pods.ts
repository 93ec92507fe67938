/** A pod on each node, named after it: whether all of them reach each other. */
import assert from 'node:assert/strict'
import { eventually, type TestNode } from './agent-nodes.ts'
import { reaches } from './ping.ts'

/** As soon as the node's agent can. */
export async function attachFirstPod(node: TestNode): Promise<void> {
  await eventually(`${node.name} ready`, () => node.agent?.notReady() === undefined || undefined)
  const { error } = await node.call('ADD', node.name)
  assert.equal(error, undefined)
}

export function pairs(nodes: readonly TestNode[]): readonly (readonly [TestNode, TestNode])[] {
  return nodes.flatMap(from => nodes.filter(to => to !== from).map(to => [from, to] as const))
}

/** In all families that they have. @param packetBytes of the packets by which they are asked */
export async function allReach(nodes: readonly TestNode[], packetBytes?: number): Promise<void> {
  for (const [from, to] of pairs(nodes)) await reaches(from.pod(from.name), to.firstPodAddresses, packetBytes)
}
