import type { AttachmentSpec } from '../../src/attach/index.ts'
import { run } from './kernel-harness.ts'
import { podSpec, type WiredPods } from './wired-pods.ts'

/** The n-th pod of a network that somebody else routes. */
export const linkSpec = (n: number): AttachmentSpec => ({
  ...podSpec(n),
  ifName: 'net1',
  routes: [{ dst: '10.9.0.0/16', gw: '10.1.2.1' }],
})

export const UPLINK = { name: 'up0', mtu: 1500, mac: '02:00:00:00:00:0e' }
export const FAR_UPLINK = { name: 'up1', mtu: 1500 }

/** Two devices of the host that are each other's network. */
export function addUplinks({ host }: WiredPods): void {
  const { name, mac } = UPLINK
  run(host, `ip link add ${name} address ${mac} type veth peer name ${FAR_UPLINK.name}`.split(' '))
  for (const one of [name, FAR_UPLINK.name]) run(host, ['ip', 'link', 'set', one, 'up'])
}
