import { isDeepStrictEqual } from 'node:util'
import type { Node, NodeCondition } from '../model/index.ts'
import type { BlockProblem } from './world.ts'

/** Ours among the reasons that NetworkUnavailable may have; others' conditions are theirs to end. */
const ownReasons: ReadonlySet<string> = new Set([
  'NoFreePodBlock',
  'PodBlockConflict',
  'PodCidrOutsideNetwork',
  'PodCidrMalformed',
])

/**
 * The condition that a node should get now, or undefined if it is right as it is. A node that cannot be served is
 * NetworkUnavailable, which keeps pods from it; when a problem of ours ends, so does the condition.
 */
export function conditionFor(
  node: Node,
  problems: readonly BlockProblem[],
  timestamp: string,
): NodeCondition | undefined {
  const present = node.status.conditions?.find(condition => condition.type === 'NetworkUnavailable')
  const [problem] = problems
  const ours = present?.status === 'True' && ownReasons.has(present.reason ?? '')
  if (problem === undefined) {
    if (!ours) return undefined
    return conditionOf('False', 'PodBlockAssigned', 'the node holds its part of the pod network', timestamp)
  }
  const message = problems.map(({ message }) => message).join('; ')
  const wanted = conditionOf('True', problem.reason, message, timestamp)
  const since = present?.status === 'True' ? (present.lastTransitionTime ?? timestamp) : timestamp
  const unchanged = { ...wanted, lastTransitionTime: since }
  return present !== undefined && isDeepStrictEqual(pick(present), pick(unchanged)) ? undefined : unchanged
}

function conditionOf(
  status: NodeCondition['status'],
  reason: string,
  message: string,
  lastTransitionTime: string,
): NodeCondition {
  return { type: 'NetworkUnavailable', status, reason, message, lastTransitionTime }
}

function pick({ status, reason, message }: NodeCondition) {
  return { status, reason, message }
}
