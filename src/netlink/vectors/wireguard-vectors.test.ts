import { getFamily, getWireguardDevice, setWireguardDevice } from '../index.ts'
import { checkVectors, expectation } from './check.ts'

/** Our requests against what `genl` and `wg` send for the same thing. */

/** `struct genlmsghdr`. */
const HEADER_BYTES = 4
const WG0 = 40
/** As it was numbered where the vectors were recorded. */
const wireguard = { id: 0x22, name: 'wireguard', version: 1, maxAttribute: 8 }
const ignored = { '1': 'we name the device by its index', '2': 'wg names it by its name' }

const publicKey = 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI='
const forPeer = `wg set wg0 peer ${publicKey}`
const set = (spec: Omit<Parameters<typeof setWireguardDevice>[1], 'linkIndex'>) =>
  setWireguardDevice(wireguard, { linkIndex: WG0, ...spec })

checkVectors('generic', [expectation('genl ctrl get name nlctrl', getFamily('nlctrl'))], HEADER_BYTES)

checkVectors(
  'wireguard',
  [
    expectation(
      'echo AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE= | wg set wg0 listen-port 51820 private-key /proc/self/fd/0',
      set({ privateKey: new Uint8Array(32).fill(1), listenPort: 51820 }),
      ignored,
    ),
    expectation(
      `${forPeer} endpoint 192.0.2.2:51820 persistent-keepalive 25 allowed-ips 10.244.2.0/24,fd00:2::/64`,
      set({
        peers: [
          {
            publicKey,
            endpoint: { address: '192.0.2.2', port: 51820 },
            persistentKeepaliveSeconds: 25,
            replaceAllowedIps: true,
            allowedIps: ['10.244.2.0/24', 'fd00:2::/64'],
          },
        ],
      }),
      ignored,
    ),
    expectation(
      `${forPeer} endpoint [2001:db8::2]:51821`,
      set({ peers: [{ publicKey, endpoint: { address: '2001:db8::2', port: 51821 } }] }),
      ignored,
    ),
    expectation(
      `echo AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM= | ${forPeer} preshared-key /proc/self/fd/0`,
      set({ peers: [{ publicKey, presharedKey: new Uint8Array(32).fill(3) }] }),
      ignored,
    ),
    expectation('wg show wg0 dump', getWireguardDevice(wireguard, WG0), ignored),
    expectation(`${forPeer} remove`, set({ peers: [{ publicKey, remove: true }] }), ignored),
  ],
  HEADER_BYTES,
)
