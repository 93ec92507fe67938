import { join } from 'node:path'

/** Where labs keep what they know; one directory a lab. */
export const LABS_ROOT = '/run/podlace-lab'

/** uid and gid of everything that needs no root: agents, API server, controller. */
export const SERVICE_UID = 64113

/** The mark every process of a lab carries in its environment: the lab's directory. */
export const LAB_VARIABLE = 'PODLACE_LAB'

/** The mark of a node's containerd and of what it starts, but not of what is in the containers. */
export const NODE_VARIABLE = 'PODLACE_LAB_NODE'

export function nodeMark(labDirectory: string, node: string): string {
  return `${labDirectory}/${node}`
}

/** Paths inside a node's (and the control's) mount namespace. */
export const NODE_PATHS = {
  node: '/opt/podlace/node',
  bundle: '/opt/podlace/dist/podlace.mjs',
  cniBin: '/opt/cni/bin',
  cniConfigDirectory: '/etc/cni/net.d',
  cniConfig: '/etc/cni/net.d/10-podlace.conflist',
  /** Where runtimes keep what ADD answered. */
  cniCache: '/var/lib/cni',
  state: '/var/lib/podlace',
  run: '/run/podlace',
  /** For flannel's subnet.env. */
  flannel: '/run/flannel',
  token: '/run/podlace/token',
  cniSocket: '/run/podlace/cni.sock',
  adminSocket: '/run/podlace/agent.sock',
  netns: '/run/netns',
  containerdConfig: '/run/containerd.toml',
  containerdRoot: '/var/lib/containerd',
  containerdState: '/run/containerd',
  containerdSocket: '/run/containerd/containerd.sock',
} as const

export const API_PORT = 6443

/** Files of one lab below its directory. */
export function labPaths(root: string, name: string) {
  const directory = join(root, name)
  return {
    directory,
    state: join(directory, 'state.json'),
    token: join(directory, 'token'),
    program: join(directory, 'program'),
    control: join(directory, 'control'),
    logs: join(directory, 'logs'),
    workloadSocket: join(directory, 'workload.sock'),
    log: (role: string) => join(directory, 'logs', `${role.replaceAll(' ', '-')}.log`),
  }
}

export type LabPaths = ReturnType<typeof labPaths>

/** One layer-2 network of the underlay: `192.168.77.0/24` is segment 1, `192.168.78.0/24` segment 2. */
export interface Segment {
  readonly number: number
  readonly bridge: string
  readonly prefix: string
  /** The router's address, which is also the nodes' way to the other segment. */
  readonly gateway: string
}

export function segment(number: number): Segment {
  const network = `192.168.${76 + number}`
  return { number, bridge: `segment${number}`, prefix: `${network}.0/24`, gateway: `${network}.254` }
}

/** Nodes take the segments in turn. */
export function segmentOf(nodeNumber: number, segments: number): Segment {
  return segment(((nodeNumber - 1) % segments) + 1)
}

/** Host address on the underlay, without prefix length; node 2 of one segment has 192.168.77.2. */
export function hostAddress(hostNumber: number, of: Segment): string {
  return of.gateway.replace(/\d+$/, String(hostNumber))
}

/** Host numbers that are not nodes. */
export const CONTROL_HOST = 250
export const HAND_HOSTS = [201, 202] as const
export const MAX_NODES = 200

export function controlAddress(): string {
  return hostAddress(CONTROL_HOST, segment(1))
}

export function apiUrl(): string {
  return `http://${controlAddress()}:${API_PORT}`
}
