/**
 * The house as data: which rooms there are, on which floor, in which order.
 *
 * Imports go down. Inside a floor a room may import the rooms to its left, except on a floor of planners, which
 * never import each other. A new folder of `src/` needs a line here first.
 */
export interface Floor {
  readonly floor: number
  readonly what: string
  /** From left to right. */
  readonly rooms: readonly string[]
  /** Rooms of this floor know nothing of each other. */
  readonly planners?: boolean
}

export const FLOORS: readonly Floor[] = [
  { floor: 7, what: 'what people start', rooms: ['lab', 'sim', 'conformance', 'cli'] },
  {
    floor: 6,
    what: 'programs',
    rooms: ['cni', 'daemon', 'dhcp', 'apiserver', 'probe', 'controller', 'agent'],
  },
  { floor: 5, what: 'planners, pure', rooms: ['attach', 'overlay', 'trace'], planners: true },
  { floor: 4, what: 'the world outside the kernel', rooms: ['store', 'ipam', 'cri', 'etcd', 'tunnel'] },
  { floor: 3, what: 'kinds, live collections, one kernel', rooms: ['model', 'derive', 'kernel'] },
  { floor: 2, what: 'system calls, netlink, gRPC', rooms: ['sys', 'netlink', 'grpc'] },
  { floor: 1, what: 'ground', rooms: ['base', 'ip', 'packet'] },
]

/** The files of a room that other rooms may import. */
export const DOOR = 'index.ts'
/** A second door, for tests only: suites that several implementations share, fakes that are not a product. */
export const TEST_DOORS: readonly string[] = ['testing.ts', 'testing/index.ts']

/** Rooms that nothing imports and that need no door: what people start. */
export const DOORLESS: readonly string[] = ['sim', 'cli']

/** What a room may import from outside `src/`, relative to it. */
export const OUTSIDE_ALLOWED: readonly string[] = ['../package.json']

/** The one room that may load the native addon. */
export const ADDON_ROOM = 'sys'

/** Where time and chance may be read directly; everywhere else they are injected (`Clock`, `random`). */
export interface Adapter {
  /** A room, or a file below `src/`. */
  readonly path: string
  readonly why: string
}

export const CLOCK_ADAPTERS: readonly Adapter[] = [
  { path: 'base', why: 'systemClock is made of them' },
  { path: 'lab', why: 'starts processes of one machine and waits for them; is never simulated' },
  { path: 'cli', why: 'hands the system clock and Math.random to everything below' },
  { path: 'agent/run.ts', why: 'puts an agent together for a real node' },
  { path: 'dhcp/run.ts', why: 'puts the DHCP daemon together for a real node' },
  { path: 'controller/run.ts', why: 'puts a controller together for a real cluster' },
  { path: 'sim/main.ts', why: 'draws a seed, stops when time is up; what it runs does neither' },
  { path: 'probe', why: 'measures round trips on real sockets' },
]
