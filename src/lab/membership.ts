import { withLabLock } from './directory.ts'
import { Lab, type LabEnvironment } from './lab.ts'
import { addNode, registerNode, removeNode } from './nodes.ts'
import { nextPodName, startPod } from './pods.ts'
import type { LabNode, LabPod } from './state.ts'

/** Runs `task` on a lab while no other command changes it. */
export function changeLab<T>(
  environment: LabEnvironment,
  name: string,
  task: (lab: Lab) => Promise<T>,
): Promise<T> {
  const { clock, signal, root } = environment
  // Opened before the lock too, so that a lab that is not there is not locked, and leaves no directory.
  Lab.open(environment, name)
  return withLabLock(root, name, { clock, signal, timeoutMs: 30_000 }, () =>
    task(Lab.open(environment, name)),
  )
}

/** Starts one more pod, on `node` or where the fewest are. */
export function labRun(
  environment: LabEnvironment,
  labName: string,
  podName: string | undefined,
  nodeName?: string,
): Promise<LabPod> {
  return changeLab(environment, labName, lab => {
    const node = nodeName === undefined ? emptiest(lab) : lab.node(nodeName)
    return startPod(lab, node, podName ?? nextPodName(lab))
  })
}

function emptiest(lab: Lab): LabNode {
  const [node] = [...lab.state.nodes].sort((a, b) => lab.podsOf(a).length - lab.podsOf(b).length)
  return node ?? lab.node('node-1') // which says that there is none
}

/** Adds a node; one that runs but was deleted from the API (`--keep-running`) is registered again. */
export function labAddNode(environment: LabEnvironment, labName: string, name?: string): Promise<LabNode> {
  return changeLab(environment, labName, async lab => {
    const known = lab.state.nodes.find(node => node.name === name)
    if (known === undefined) return addNode(lab, name)
    if ((await lab.api().get('Node', known.name)) !== undefined) lab.refuseTaken(known.name)
    await registerNode(lab, known)
    return known
  })
}

/** Deletes the Node object; unless `keepRunning`, the node and its pods are killed as well. */
export function labRemoveNode(
  environment: LabEnvironment,
  labName: string,
  name: string,
  how: { readonly keepRunning: boolean },
): Promise<void> {
  return changeLab(environment, labName, async lab => {
    const node = lab.node(name)
    await (how.keepRunning ? lab.api().delete('Node', name) : removeNode(lab, node))
  })
}
