/** The pod network of all cases. Nodes of ours get blocks below 10.5.200.0, those of flannel bring `flannelBlock`. */
export const NETWORK = '10.5.0.0/16'

/** The other one, where a network has two families. */
export const NETWORK6 = 'fd00:5::/48'

/** What a node tells the others of itself: the address it is reached at and the MAC of its device, of each family. */
export interface Announced {
  readonly address: string
  readonly mac: string
  readonly six?: { readonly address: string; readonly mac: string }
}

/** Another MAC than usual for a node of flannel, of each family. */
export interface Macs {
  readonly mac?: string
  readonly mac6?: string
}

/** For how long a confirmed claim on a block counts at most, seconds. */
export const LEASE_SECONDS = 600

export function nodeName(n: number): string {
  return `node-${n}`
}

export function addressOf(n: number): string {
  return `192.168.77.${n}`
}

export function address6Of(n: number): string {
  return `fd77::${n.toString(16)}`
}

export function flannelBlock(n: number): string {
  return `10.5.${200 + n}.0/24`
}

export function flannelBlock6(n: number): string {
  return `fd00:5:0:${(200 + n).toString(16)}::/64`
}

export function flannelMac(n: number): string {
  return `02:f1:00:00:00:${n.toString(16).padStart(2, '0')}`
}

export function flannelMac6(n: number): string {
  return `02:f6:00:00:00:${n.toString(16).padStart(2, '0')}`
}
