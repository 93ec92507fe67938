import { contains, parseAddress, parsePrefix } from '../../ip/index.ts'
import { type TraceEntry, type TraceNamespace, type TraceWorld, tracePacket } from '../../trace/index.ts'
import { attachmentLinkName } from '../world/attachment-names.ts'
import type { Container, Namespace } from '../world/container.ts'
import type { Machine } from '../world/machine.ts'
import type { World } from '../world/world.ts'
import type { Invariant } from './invariant.ts'
import { livePods } from './view.ts'

/** So many pairs of pods are followed; which ones, the seed says. */
const PAIRS = 24

/** Reasons for which an ADD may be refused in good order. */
const NO_ROOM = /no address is free|are held/

export const attachable: Invariant = {
  name: 'I2',
  words: 'every node with a block of its own takes part, and can attach a pod, within T after healing',
  watch: world => ({
    atRest() {
      for (const { machine, runtime } of world.hosts) {
        const lacks = machine.listening?.agent?.notReady()
        if (lacks !== undefined && hasItsBlock(world, machine))
          return `${machine.name} does not take part: ${lacks}`
        const last = runtime.containers.get('last')
        if (last === undefined || last.state === 'live' || lacks !== undefined) continue
        if (!NO_ROOM.test(last.refusal)) {
          return `${machine.name} cannot attach a pod: ${last.refusal || last.state}`
        }
      }
      return undefined
    },
  }),
}

/** True if the store says so, and no pod of an earlier block is left. */
function hasItsBlock(world: World, machine: Machine): boolean {
  const [cidr] = world.truth.nodes.get(machine.nodeName)?.spec.podCIDRs ?? []
  if (cidr === undefined) return false
  const block = world.truth.blocks.get(cidr.replace('/', '-'))
  if (block?.spec.nodeName !== machine.nodeName || block.spec.releasedAt !== undefined) return false
  for (const pod of livePods(world)) {
    if (pod.machine === machine && !contains(parsePrefix(cidr), parseAddress(pod.ip))) return false
  }
  return true
}

export const reachable: Invariant = {
  name: 'I2',
  words: 'every live pod is reachable from every live pod within T after healing',
  watch: world => ({
    atRest() {
      const pods = [...servedPods(world)]
      if (pods.length < 2) return undefined
      const map = traceWorld(world)
      const random = world.scheduler.stream('pairs of pods')
      const any = () => pods[Math.floor(random() * pods.length)]
      for (let pair = 0; pair < PAIRS; pair += 1) {
        const [from, to] = [any(), any()]
        if (from === undefined || to === undefined || from === to) continue
        const { verdict, steps } = tracePacket(map, { fromPod: nameOf(from), toPod: nameOf(to) })
        const last = steps.at(-1)
        if (verdict !== 'reached')
          return `from ${nameOf(from)} to ${nameOf(to)}: ${last?.where}: ${last?.what}`
      }
      return undefined
    },
  }),
}

interface Pod {
  readonly machine: Machine
  readonly container: Container
}

const nameOf = ({ machine, container }: Pod) => `${container.id} on ${machine.name}`

/** Live pods of nodes that take part: those that were cut off are told so, and need to be started anew. */
function* servedPods(world: World): Iterable<Pod> {
  for (const pod of world.liveContainers()) {
    const { machine } = pod
    const isServed = machine.listening?.agent?.notReady() === undefined && machine.listening !== undefined
    if (isServed && world.truth.nodes.get(machine.nodeName) !== undefined) yield pod
  }
}

function traceWorld(world: World): TraceWorld {
  const pods = [...world.liveContainers()]
  return {
    namespaces: [
      ...world.hosts.map(({ machine }) => traceNamespace(machine.name, 'node', machine.namespace)),
      ...pods.flatMap(pod => {
        const { namespace } = pod.container
        return namespace === undefined ? [] : [traceNamespace(nameOf(pod), 'pod', namespace)]
      }),
    ],
    veths: pods.map(pod => ({
      a: { namespace: nameOf(pod), link: 'eth0' },
      b: { namespace: pod.machine.name, link: attachmentLinkName(pod.container.id) },
    })),
    underlay: world.hosts.map(({ machine }) => ({
      namespace: machine.name,
      link: 'eth0',
      address: machine.address,
    })),
  }
}

function traceNamespace(name: string, kind: 'node' | 'pod', namespace: Namespace): TraceNamespace {
  const entries: TraceEntry[] = Array.from(namespace.entries(), ({ entry }) => ({ entry, because: [] }))
  const path = 'ipv4/conf/all/forwarding'
  entries.push({ entry: { kind: 'sysctl', path, value: namespace.readSysctl(path) }, because: [] })
  return { name, kind, entries }
}
