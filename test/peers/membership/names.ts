/** The pod network of all cases. Nodes of ours get blocks below 10.5.200.0, those of flannel bring `flannelBlock`. */
export const NETWORK = '10.5.0.0/16'

/** For how long a confirmed claim on a block counts at most, seconds. */
export const LEASE_SECONDS = 600

export function nodeName(n: number): string {
  return `node-${n}`
}

export function addressOf(n: number): string {
  return `192.168.77.${n}`
}

export function flannelBlock(n: number): string {
  return `10.5.${200 + n}.0/24`
}

export function flannelMac(n: number): string {
  return `02:f1:00:00:00:${n.toString(16).padStart(2, '0')}`
}
