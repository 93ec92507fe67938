/** Networks of ipip and wireguard that are changed while their pods talk. */
import { changeSuite } from '../netns/change-suite.ts'

const ipip = { type: 'ipip' } as const
const wireguard = { type: 'wireguard' } as const

/**
 * Agents and pings share an emulated processor: what is broken between two steps shows in that somebody does not reach
 * somebody else, not here.
 */
const pace = { mostOutageMs: 15_000, intervalMs: 250, alsoTogether: false }

changeSuite({
  changes: [
    ['options of ipip', ipip, { backend: { type: 'ipip', directRouting: true } }],
    ['ipip to vxlan', ipip, { backend: { type: 'vxlan' } }],
    ['vxlan to ipip', { type: 'vxlan' }, { backend: ipip }],
    ['ipip to host-gw', ipip, { backend: { type: 'host-gw' } }],
    ['host-gw to ipip', { type: 'host-gw' }, { backend: ipip }],
  ],
  settled: { backend: ipip, device: 'flannel.ipip', overhead: 20 },
  ...pace,
})

changeSuite({
  changes: [
    ['the MTU of wireguard', wireguard, { backend: { type: 'wireguard', mtu: 1300 } }],
    ['the port of wireguard', wireguard, { backend: { type: 'wireguard', listenPort: 7000 } }],
  ],
  settled: { backend: wireguard, device: 'flannel-wg', overhead: 80 },
  ...pace,
})
