import { isRecord } from '../api-client.ts'
import { commandOutput } from '../command.ts'
import { whereArgv } from '../exec.ts'
import type { Lab } from '../lab.ts'
import { nextPodName, startPod } from '../pods.ts'
import { podCidrs } from '../status.ts'
import { type DemoStep, labOf } from './step.ts'

const PODS_PER_NODE = 2

export const podNetwork: DemoStep = {
  name: 'pod-network',
  title: 'pods, attached through the CNI binary',
  async run(context) {
    const lab = labOf(context)
    for (const node of lab.state.nodes) {
      for (let count = 0; count < PODS_PER_NODE; count += 1) await startPod(lab, node, nextPodName(lab))
    }
    const { network, backend } = lab.state.settings
    const mtu = await podMtu(lab)
    const parameters = backend === 'vxlan' ? `VNI 1, port 8472, MTU ${mtu}` : `MTU ${mtu}`
    return {
      ok: true,
      headline: `pod network ${network} over ${backend} (${parameters})`,
      details: await nodeLines(lab),
    }
  },
}

/** `node-1  10.244.1.0/24   web-1 10.244.1.2   web-2 10.244.1.3` */
async function nodeLines(lab: Lab): Promise<string[]> {
  const cidrs = await podCidrs(lab)
  return lab.state.nodes.map(node => {
    const pods = lab.podsOf(node).map(pod => `${pod.name} ${pod.addresses[0] ?? '?'}`)
    return `${node.name.padEnd(8)} ${(cidrs.get(node.name) ?? '?').padEnd(16)} ${pods.join('   ')}`
  })
}

/** MTU of the first pod's eth0, as `ip` sees it. */
async function podMtu(lab: Lab): Promise<number> {
  const [pod] = lab.state.pods
  if (pod === undefined) return 0
  const argv = [...whereArgv(lab, pod.name), 'ip', '-json', 'link', 'show', 'dev', 'eth0']
  const links: unknown = JSON.parse(await commandOutput(`look at ${pod.name}`, argv))
  const link: unknown = Array.isArray(links) ? links[0] : undefined
  return isRecord(link) && typeof link['mtu'] === 'number' ? link['mtu'] : 0
}
