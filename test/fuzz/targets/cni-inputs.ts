import { encodeRequest } from '../../../src/cni/index.ts'

/** Calls as runtimes make them. */

export const bridgeConfiguration = {
  cniVersion: '1.1.0',
  name: 'pods',
  type: 'bridge',
  bridge: 'cni0',
  isDefaultGateway: true,
  forceAddress: true,
  ipMasq: true,
  mtu: 1450,
  hairpinMode: true,
  ipam: {
    type: 'host-local',
    ranges: [
      [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.10', rangeEnd: '10.1.0.99', gateway: '10.1.0.1' }],
      [{ subnet: 'fd00:1::/64' }],
    ],
    routes: [
      { dst: '0.0.0.0/0' },
      { dst: '10.9.0.0/16', gw: '10.1.0.7', mtu: 1400, table: 7, scope: 253, priority: 9 },
    ],
  },
}

export const prevResult = {
  cniVersion: '1.1.0',
  interfaces: [
    { name: 'cni0', mac: '02:00:00:00:00:01', mtu: 1450 },
    { name: 'eth0', sandbox: '/run/netns/a' },
  ],
  ips: [{ interface: 1, address: '10.1.0.2/24', gateway: '10.1.0.1' }, { address: 'fd00:1::2/64' }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }],
  dns: { nameservers: ['10.0.0.1'], search: ['a.test'] },
}

const { ipam } = bridgeConfiguration

/** What the keys of other plugins look like, by type. */
export const standardConfigurations: ReadonlyMap<string, object> = new Map<string, object>([
  ['podlace', {}],
  ['ptp', { ipam, ipMasq: true, mtu: 1400 }],
  ['macvlan', { ipam, mode: 'bridge' }],
  ['ipvlan', { ipam: { type: 'static', addresses: [{ address: '10.1.0.9/24' }] }, mode: 'l3s' }],
  ['vlan', { ipam, master: 'eth0', vlanId: 7 }],
  ['dummy', { ipam }],
  ['tap', { ipam, multiQueue: true, owner: 7 }],
  ['host-device', { ipam, device: 'eth0' }],
  ['host-local', { ipam }],
  ['static', { ipam: { type: 'static', addresses: [{ address: 'fd00::9/64', gateway: 'fd00::1' }] } }],
  ['tuning', { sysctl: { 'net.ipv4.conf.IFNAME.arp_filter': '1' }, mtu: 1400, promisc: true }],
  ['sbr', { addSourceHints: true }],
  ['vrf', { vrfname: 'red' }],
  ['firewall', { ingressPolicy: 'same-bridge' }],
  ['bandwidth', { ingressRate: 8000, ingressBurst: 8000 }],
  ['portmap', { snat: true, runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 8 }] } }],
])

/** An ADD as the shim relays it. */
export function cniRequest(
  type: string,
  environment: Readonly<Record<string, string>>,
  configuration: object = bridgeConfiguration,
): Uint8Array {
  const all = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: 'c1',
    CNI_NETNS: '/run/netns/a',
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
    ...environment,
  }
  return encodeRequest({
    type,
    fds: ['netns', 'route', 'netfilter', 'ipv4'],
    environment: new Map(Object.entries(all)),
    stdin: Buffer.from(JSON.stringify(configuration)),
  })
}
