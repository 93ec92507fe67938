import { chmodSync, chownSync, copyFileSync } from 'node:fs'
import { makeDirectory } from '../sys/index.ts'
import { nodeCgroup, processesInCgroup } from './containerd/cgroups.ts'
import { containerdReady, startContainerd } from './containerd/daemon.ts'
import { agentReady, startAgent } from './daemons.ts'
import { labError } from './errors.ts'
import { startHolder } from './holder.ts'
import type { Lab } from './lab.ts'
import {
  CONTROL_HOST,
  hostAddress,
  MAX_NODES,
  NODE_PATHS,
  NODE_VARIABLE,
  nodeMark,
  SERVICE_UID,
  segment,
  segmentOf,
} from './layout.ts'
import { nodeMountScript, quote } from './node-mounts.ts'
import { stopPods } from './pods.ts'
import { isAlive, type ProcessIdentity, processesWithEnvironment, signalProcess } from './process-identity.ts'
import { nodeToMount } from './program.ts'
import { POD_CONFLIST } from './runtime.ts'
import { checkMemberName } from './settings.ts'
import type { LabNode } from './state.ts'
import { ipBatch, plugIn, portName } from './underlay.ts'
import { waitFor } from './wait.ts'

/** Makes the namespaces of the API server and the controller, with the node's file layout, and plugs them in. */
export async function makeControl(lab: Lab): Promise<void> {
  makeDirectory(lab.paths.control)
  chownSync(lab.paths.control, SERVICE_UID, SERVICE_UID)
  const script = mountScript(lab, lab.paths.control)
  const holder = await startHolder('the control', { mounts: true, script, env: lab.processEnvironment() })
  lab.file.setProcess('control', holder)
  installToken(lab, holder)
  await plugIn(lab.process('underlay'), holder, CONTROL_HOST, segment(1))
}

/** Makes a node's namespaces, files and uplink; its agent is not started yet. */
export async function makeNode(lab: Lab, node: LabNode): Promise<void> {
  lab.environment.progress(`making ${node.name}`)
  const conflist = JSON.stringify(POD_CONFLIST, undefined, 2)
  const script = `${mountScript(lab)}
printf '%s\\n' ${quote(conflist)} > ${NODE_PATHS.cniConfig}`
  const holder = await startHolder(node.name, { mounts: true, script, env: lab.processEnvironment() })
  lab.file.setProcess(`node ${node.name}`, holder)
  installToken(lab, holder)
  await plugIn(lab.process('underlay'), holder, node.number, segment(node.segment))
}

function mountScript(lab: Lab, stateDirectory?: string): string {
  const nodeBinary = nodeToMount(lab.paths.program, lab.environment.nodeBinary)
  const scratch = `${lab.paths.directory}/scratch`
  makeDirectory(scratch)
  const common = { programDirectory: lab.paths.program, nodeBinary, scratch }
  return nodeMountScript(stateDirectory === undefined ? common : { ...common, stateDirectory })
}

/** The bearer token, for the service's eyes only. */
function installToken(lab: Lab, holder: ProcessIdentity): void {
  const path = `/proc/${holder.pid}/root${NODE_PATHS.token}`
  copyFileSync(lab.paths.token, path)
  chownSync(path, SERVICE_UID, SERVICE_UID)
  chmodSync(path, 0o400)
}

/** The next free node, or the one asked for by name. @throws LabError `lab.member-exists` */
export function planNode(lab: Lab, name?: string): LabNode {
  const { nodes, settings } = lab.state
  if (name !== undefined) lab.refuseTaken(checkMemberName('node', name))
  const taken = new Set(nodes.map(node => node.number))
  const asked = /^node-([1-9]\d{0,2})$/.exec(name ?? '')?.[1]
  let number = asked === undefined ? 1 : Number(asked)
  while (taken.has(number)) number += 1
  if (number > MAX_NODES) {
    const message =
      asked === undefined
        ? `lab ${lab.name} has ${nodes.length} nodes, which is as many as the underlay has addresses for`
        : `a node named ${name} would be number ${number}, and the underlay has addresses for ${MAX_NODES}; take another name`
    throw labError('add a node', message, {
      code: 'lab.bad-setting',
      setting: 'nodes',
      value: String(number),
    })
  }
  const at = segmentOf(number, settings.segments)
  return {
    name: name ?? `node-${number}`,
    number,
    address: hostAddress(number, at),
    segment: at.number,
  }
}

/** Creates the Node object as the kubelet would, the address already in its status. */
export async function registerNode(lab: Lab, node: LabNode): Promise<void> {
  const api = lab.api()
  const addresses = [
    { type: 'InternalIP', address: node.address },
    { type: 'Hostname', address: node.name },
  ]
  await api.create('Node', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name },
    spec: {},
    status: { addresses },
  })
  await api.patchStatus('Node', node.name, { addresses })
}

/** Starts the agent, and containerd in a lab that has it; returns before they are ready. */
export async function startDaemons(lab: Lab, node: LabNode): Promise<void> {
  await startAgent(lab, node)
  if (lab.state.settings.runtime === 'containerd') await startContainerd(lab, node)
}

/** Resolves when pods can be started on a node. */
export async function nodeReady(lab: Lab, node: LabNode): Promise<void> {
  await agentReady(lab, node)
  if (lab.state.settings.runtime === 'containerd') await containerdReady(lab, node)
}

/** Makes a node, its object and its agent; undoes all if one of them fails. */
export async function addNode(lab: Lab, name?: string): Promise<LabNode> {
  const node = planNode(lab, name)
  lab.file.update({ nodes: [...lab.state.nodes, node] })
  try {
    await makeNode(lab, node)
    await registerNode(lab, node)
    await startDaemons(lab, node)
    await nodeReady(lab, node)
    return node
  } catch (error) {
    await removeNode(lab, node).catch(() => undefined) // the first error is the one to tell
    throw error
  }
}

/** Deletes the Node object, then kills the node and its pods as a power cut would: nobody calls DEL. */
export async function removeNode(lab: Lab, node: LabNode): Promise<void> {
  await lab.api().delete('Node', node.name)
  await stopPods(lab, lab.podsOf(node), { callDel: false })
  await killNode(lab, node)
  lab.file.update({ nodes: lab.state.nodes.filter(other => other.name !== node.name) })
}

async function killNode(lab: Lab, node: LabNode): Promise<void> {
  const roles = [`agent ${node.name}`, `containerd ${node.name}`, `node ${node.name}`]
  const recorded = lab.state.processes.filter(process => roles.includes(process.role))
  const { directory } = lab.paths
  const { clock, signal } = lab.environment
  await waitFor(`${node.name} to end`, { clock, signal, timeoutMs: 5_000 }, () => {
    const identities = [
      ...recorded,
      ...processesWithEnvironment(NODE_VARIABLE, nodeMark(directory, node.name)),
      ...processesInCgroup(nodeCgroup(directory, node.name)),
    ]
    for (const identity of identities) signalProcess(identity, 'SIGKILL')
    return identities.some(isAlive) ? undefined : true
  })
  for (const role of roles) lab.file.setProcess(role, undefined)
  // The port goes with its peer, but not until the kernel has taken the namespace down; do not wait for that.
  await ipBatch(`unplug ${node.name}`, lab.process('underlay'), [`link del ${portName(node.number)}`]).catch(
    () => undefined,
  )
}
