import { labError } from './errors.ts'
import type { Lab } from './lab.ts'
import { attachmentOf, POD_NETWORK } from './runtime.ts'
import { checkMemberName } from './settings.ts'
import type { LabNode, LabPod } from './state.ts'

/**
 * Starts a pod as kubelet does: Pod object, the runtime's part (namespace, ADD through our CNI binary), status; then
 * the workload serves in it. What was made is undone if a step fails.
 */
export async function startPod(lab: Lab, node: LabNode, name: string): Promise<LabPod> {
  lab.refuseTaken(checkMemberName('pod', name))
  lab.environment.progress(`starting pod ${name} on ${node.name}`)
  const pod: LabPod = { name, node: node.name, containerId: '', netns: '', addresses: [] }
  lab.file.setPod(pod)
  try {
    await createPodObject(lab, pod)
    const running: LabPod = { ...pod, ...(await lab.podRuntime(node).start(name)) }
    lab.file.setPod(running)
    if (running.addresses.length === 0) throw withoutAddress(lab, running)
    await reportPod(lab, running)
    await serve(lab, running)
    return running
  } catch (error) {
    await stopPods(lab, [lab.pod(name)], { callDel: true }).catch(() => undefined) // the first error is the one to tell
    throw error
  }
}

async function createPodObject(lab: Lab, pod: LabPod): Promise<void> {
  await lab.api().create('Pod', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name },
    spec: { nodeName: pod.node },
    status: { phase: 'Pending' },
  })
}

function withoutAddress(lab: Lab, pod: LabPod) {
  const details = JSON.stringify(lab.attachedResult(pod))
  const message = `the plugins attached pod ${pod.name} without an address: ${details}`
  return labError('ADD', message, { code: 'lab.no-address', pod: pod.name })
}

async function reportPod(lab: Lab, pod: LabPod): Promise<void> {
  const podIPs = pod.addresses.map(ip => ({ ip }))
  await lab.api().patchStatus('Pod', pod.name, { phase: 'Running', podIP: pod.addresses[0], podIPs })
}

async function serve(lab: Lab, pod: LabPod): Promise<void> {
  const [address] = pod.addresses
  if (address === undefined) return
  const workload = await lab.workload()
  try {
    await workload.addPod(pod.name, lab.podNetns(pod), address)
  } finally {
    workload.close()
  }
}

/** CHECK of a running pod through all plugins. */
export async function checkPod(lab: Lab, pod: LabPod): Promise<void> {
  await lab.runtime(lab.node(pod.node)).check(POD_NETWORK, attachmentOf(pod))
}

/**
 * Ends pods: the workload leaves them, DEL is called (unless the node itself is being killed), their namespaces and
 * objects go. Goes on with the others when one fails, then throws the first error.
 */
export async function stopPods(
  lab: Lab,
  pods: readonly LabPod[],
  how: { readonly callDel: boolean },
): Promise<void> {
  const errors: unknown[] = []
  for (const pod of pods) {
    const attempt = (task: Promise<unknown>) => task.catch((error: unknown) => errors.push(error))
    await attempt(leave(lab, pod))
    if (how.callDel && pod.containerId !== '') await attempt(lab.podRuntime(lab.node(pod.node)).stop(pod))
    await attempt(lab.api().delete('Pod', pod.name))
    lab.file.removePod(pod.name)
  }
  if (errors.length > 0) throw errors[0]
}

async function leave(lab: Lab, pod: LabPod): Promise<void> {
  const workload = await lab.workload()
  try {
    await workload.removePod(pod.name)
  } finally {
    workload.close()
  }
}

/** The next free `web-N`. */
export function nextPodName(lab: Lab): string {
  const taken = new Set(lab.state.pods.map(pod => pod.name))
  for (let number = 1; ; number += 1) if (!taken.has(`web-${number}`)) return `web-${number}`
}
