import { type CniSide, createSide } from './cni-side.ts'
import { DISK } from './fake-host.ts'
import { makeGuardTables } from './guard-tables.ts'
import { installProgram, OUR_PLUGINS, RUN } from './our-program.ts'
import { buildProgram } from './programs.ts'

const SOURCES = [
  'bench/support/floor-wiring.c',
  'bench/support/floor-guard.c',
  'bench/support/floor-netlink.c',
  'native/common/bundle.c',
  'native/common/netlink-socket.c',
]

/** Our shim, and behind it the least that an agent could do (floor.c). It knows the plain network only. */
export function createFloor(pods: number): Promise<CniSide> {
  const program = buildProgram('floor', SOURCES)
  return createSide({ label: 'floor', plugins: OUR_PLUGINS }, pods, async host => {
    await installProgram(host)
    await host.commands([
      ['ip', 'link', 'add', 'cni0', 'address', '06:42:00:00:00:01', 'type', 'bridge'],
      ['ip', 'addr', 'add', '10.88.0.1/16', 'dev', 'cni0'],
      ['ip', 'link', 'set', 'cni0', 'up'],
      ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv6/conf/cni0/accept_ra'],
    ])
    await makeGuardTables(host)
    const socket = `${RUN}/cni.sock`
    const argv = [program, socket, `${DISK}/journal`]
    await host.start(argv, { env: {}, log: `${RUN}/floor.log`, counted: false })
    await host.commands([
      ['sh', '-c', `for i in $(seq 100); do [ -S ${socket} ] && exit; sleep 0.1; done; exit 1`],
    ])
    return {}
  })
}
