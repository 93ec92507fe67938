/** Bits of the packet mark, which all programs of a machine share. */

/** What was translated for a host port, unless the configuration says otherwise: the standard plugin's. */
export const PORTMAP_BIT = 13

/**
 * What the firewall lets through. Not one of kube-proxy and flannel (14 and 15), of Calico (16 to 31), of Tailscale (16
 * to 23), of the Amazon VPC CNI (7), of Cilium's magic (8 to 11), or of what wg-quick gives (0xca6c).
 */
export const FORWARD_BIT = 12
