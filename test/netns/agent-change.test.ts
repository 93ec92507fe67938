/** Networks that are changed while their pods talk: no pair of them is apart for longer than a second. */
import { changeSuite } from './change-suite.ts'

const vxlan = { type: 'vxlan' } as const

changeSuite({
  changes: [
    ['the MTU', vxlan, { backend: { type: 'vxlan', mtu: 1300 } }],
    ['the port', vxlan, { backend: { type: 'vxlan', port: 4789 } }],
    ['the VNI', vxlan, { backend: { type: 'vxlan', vni: 7 } }],
    ['options of the backend', vxlan, { backend: { type: 'vxlan', directRouting: true, learning: true } }],
    ['masquerading', vxlan, { masquerade: false }],
    ['vxlan to host-gw', vxlan, { backend: { type: 'host-gw' } }],
    ['host-gw to vxlan', { type: 'host-gw' }, { backend: vxlan }],
    ['vxlan to udp', vxlan, { backend: { type: 'udp' } }],
    ['udp to vxlan', { type: 'udp' }, { backend: vxlan }],
    ['udp to host-gw', { type: 'udp' }, { backend: { type: 'host-gw' } }],
    // The process has one port: agents that are away tell theirs to send to the old one.
    ['the port of udp', { type: 'udp' }, { backend: { type: 'udp', port: 9000 } }, 'apart'],
    ['host-gw to udp', { type: 'host-gw' }, { backend: { type: 'udp' } }],
  ],
  alsoTogether: true,
  settled: { backend: vxlan, device: 'flannel.1', overhead: 50 },
  mostOutageMs: 1_000,
  intervalMs: 50,
})
