import { hash } from 'node:crypto'

/** Name of the host's end of a container's `eth0`, as the attach planner chooses it (`hostInterfaceName`). */
export function attachmentLinkName(containerId: string): string {
  return `veth${hash('sha256', `${containerId}/eth0`, 'hex').slice(0, 8)}`
}
