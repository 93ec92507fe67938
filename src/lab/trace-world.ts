import type { JsonObject } from '../cni/index.ts'
import type { Entry } from '../kernel/index.ts'
import {
  type Trace,
  type TraceEntry,
  type TraceNamespace,
  tracePacket,
  type VethPair,
} from '../trace/index.ts'
import { isRecord } from './api-client.ts'
import { agentGet } from './daemons.ts'
import type { Lab } from './lab.ts'
import type { LabNode, LabPod } from './state.ts'

/** The way of a packet from pod to pod, by what the agents hold and what ADD answered. */
export async function labTrace(lab: Lab, fromPod: string, toPod: string): Promise<Trace> {
  const pods = [lab.pod(fromPod), lab.pod(toPod)].filter((pod, at, all) => all.indexOf(pod) === at)
  const nodes = await Promise.all(lab.state.nodes.map(node => nodeNamespace(lab, node)))
  const wired = pods.map(pod => podNamespace(pod, lab.attachedResult(pod) ?? {}))
  const underlay = lab.state.nodes.map(({ name, address }) => ({ namespace: name, link: 'eth0', address }))
  const world = {
    namespaces: [...nodes, ...wired.map(({ namespace }) => namespace)],
    veths: wired.flatMap(({ veth }) => (veth === undefined ? [] : [veth])),
    underlay,
  }
  return tracePacket(world, { fromPod, toPod })
}

/** What the agent keeps on its node, and the uplink, which is not its own. */
async function nodeNamespace(lab: Lab, node: LabNode): Promise<TraceNamespace> {
  const answer = await agentGet(lab, node, '/entries')
  const page: unknown = JSON.parse(answer.body)
  const entries = Array.isArray(page) ? page.filter(isTraceEntry) : []
  const uplink: Entry = { kind: 'address', link: 'eth0', address: `${node.address}/24` }
  return { name: node.name, kind: 'node', entries: [...entries, { entry: uplink, because: [] }] }
}

function isTraceEntry(value: unknown): value is TraceEntry {
  if (!isRecord(value) || !isRecord(value['entry']) || !Array.isArray(value['because'])) return false
  return typeof value['entry']['kind'] === 'string'
}

/** A pod's inside as its CNI result tells it (specification 1.1.0, "Success"), and its cable. */
export function podNamespace(
  pod: LabPod,
  result: JsonObject,
): { readonly namespace: TraceNamespace; readonly veth?: VethPair } {
  const because = [`Pod default/${pod.name}`]
  const entries: Entry[] = [
    { kind: 'link', type: 'device', claim: 'use', owner: pod.name, name: 'eth0', up: true },
    ...records(result['ips']).flatMap(ipEntries),
    ...records(result['routes']).flatMap(routeEntries),
  ]
  const namespace: TraceNamespace = {
    name: pod.name,
    kind: 'pod',
    entries: entries.map(entry => ({ entry, because })),
  }
  const port = hostPort(result)
  if (port === undefined) return { namespace }
  const veth = { a: { namespace: pod.name, link: 'eth0' }, b: { namespace: pod.node, link: port } }
  return { namespace, veth }
}

/** The host's end of the cable: of the interfaces outside the pod the last one; the bridge comes before it. */
function hostPort(result: JsonObject): string | undefined {
  const outside = records(result['interfaces']).filter(({ sandbox }) => (sandbox ?? '') === '')
  const name = outside.at(-1)?.['name']
  return typeof name === 'string' ? name : undefined
}

function ipEntries(ip: Readonly<Record<string, unknown>>): Entry[] {
  const { address } = ip
  return typeof address === 'string' ? [{ kind: 'address', link: 'eth0', address }] : []
}

function routeEntries(route: Readonly<Record<string, unknown>>): Entry[] {
  const { dst, gw } = route
  if (typeof dst !== 'string') return []
  const gateway = typeof gw === 'string' ? { gateway: gw } : {}
  return [{ kind: 'route', dst, table: 254, metric: 0, link: 'eth0', ...gateway }]
}

function records(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : []
}
