import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRecord } from './api-client.ts'
import { commandOutput, runCommand } from './command.ts'
import { labError } from './errors.ts'
import { inside } from './holder.ts'
import type { Lab } from './lab.ts'
import { NODE_PATHS } from './layout.ts'
import {
  type CniAttachment,
  type CniResult,
  LOOPBACK_NETWORK,
  POD_NETWORK,
  resultAddresses,
} from './runtime.ts'
import { checkMemberName } from './settings.ts'
import type { LabNode, LabPod } from './state.ts'

/** What a runtime says to the plugins about a pod's interface. */
export function attachmentOf(pod: LabPod, ifname = 'eth0'): CniAttachment {
  return {
    containerId: pod.containerId,
    netns: `${NODE_PATHS.netns}/${pod.name}`,
    ifname,
    podNamespace: 'default',
    podName: pod.name,
  }
}

/**
 * Starts a pod as kubelet and runtime do: Pod object, namespace, ADD through our CNI binary, status; then the
 * workload serves in it. What was made is undone if a step fails.
 */
export async function startPod(lab: Lab, node: LabNode, name: string): Promise<LabPod> {
  lab.refuseTaken(checkMemberName('pod', name))
  lab.environment.progress(`starting pod ${name} on ${node.name}`)
  const pod: LabPod = { name, node: node.name, containerId: randomBytes(16).toString('hex'), addresses: [] }
  lab.file.setPod(pod)
  try {
    await createPodObject(lab, pod)
    await makePodNetns(lab, node, name)
    const result = await attach(lab, node, pod)
    const running: LabPod = { ...pod, addresses: resultAddresses(result) }
    lab.file.setPod(running)
    await reportPod(lab, running)
    await serve(lab, running)
    return running
  } catch (error) {
    await stopPods(lab, [pod], { callDel: true }).catch(() => undefined) // the first error is the one to tell
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

/** `ip netns add` inside the node's mount namespace: the file holds the namespace, no process need be in it. */
async function makePodNetns(lab: Lab, node: LabNode, name: string): Promise<void> {
  const script = 'touch "$1" && exec unshare --net="$1" true'
  const argv = [
    ...inside(lab.holder(node), 'net+mount'),
    'sh',
    '-c',
    script,
    'sh',
    `${NODE_PATHS.netns}/${name}`,
  ]
  await commandOutput(`make the namespace of pod ${name}`, argv, { env: lab.processEnvironment() })
}

async function attach(lab: Lab, node: LabNode, pod: LabPod): Promise<CniResult> {
  const runtime = lab.runtime(node)
  await runtime.add(LOOPBACK_NETWORK, attachmentOf(pod, 'lo'))
  const result = await runtime.add(POD_NETWORK, attachmentOf(pod))
  if (resultAddresses(result).length === 0) {
    const message = `the plugins attached pod ${pod.name} without an address: ${JSON.stringify(result)}`
    const payload = {
      code: 'lab.cni',
      plugin: 'podlace',
      command: 'ADD',
      cniCode: 0,
      details: message,
    } as const
    throw labError('ADD', message, payload)
  }
  const path = resultPath(lab, pod)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, JSON.stringify(result))
  return result
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
  const runtime = lab.runtime(lab.node(pod.node))
  await runtime.check(POD_NETWORK, attachmentOf(pod), readResult(lab, pod) ?? {})
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
    if (how.callDel) await attempt(detach(lab, pod))
    await attempt(lab.api().delete('Pod', pod.name))
    rmSync(resultPath(lab, pod), { force: true })
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

async function detach(lab: Lab, pod: LabPod): Promise<void> {
  const node = lab.node(pod.node)
  try {
    const runtime = lab.runtime(node)
    await runtime.del(POD_NETWORK, attachmentOf(pod), readResult(lab, pod))
    await runtime.del(LOOPBACK_NETWORK, attachmentOf(pod, 'lo'))
  } finally {
    const path = `${NODE_PATHS.netns}/${pod.name}`
    const script = 'umount -l "$1" 2>/dev/null; rm -f "$1"'
    await runCommand([...inside(lab.holder(node), 'net+mount'), 'sh', '-c', script, 'sh', path])
  }
}

/** Runtimes keep ADD's result for CHECK and DEL. */
function resultPath(lab: Lab, pod: LabPod): string {
  return join(lab.paths.directory, 'results', `${pod.name}.json`)
}

/** What ADD answered for a pod; undefined if it is not known. */
export function readResult(lab: Lab, pod: LabPod): CniResult | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(resultPath(lab, pod), 'utf8'))
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** The next free `web-N`. */
export function nextPodName(lab: Lab): string {
  const taken = new Set(lab.state.pods.map(pod => pod.name))
  for (let number = 1; ; number += 1) if (!taken.has(`web-${number}`)) return `web-${number}`
}
