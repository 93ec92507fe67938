/** What `portmap` and `bandwidth` have made of a pod, as far as a user notices it: his port answers, his limits hold. */
import assert from 'node:assert/strict'
import { LIMITS, POD_PORT, type Pod } from './cni-network.ts'
import { hostInterface, interfacesOf } from './cni-result.ts'
import { type CniSide, WORLD } from './cni-side.ts'
import type { CallResult } from './host-worker.ts'
import { type Json, jsonAt, jsonList, parseJsonList, pick } from './json.ts'
import { programPath } from './programs.ts'

export interface ChainState {
  /** Of what goes to the pod, and of what comes from it. */
  readonly limits: readonly unknown[]
}

/** Only this pod has a server: whoever answers at the host's port is the pod. Until the server listens, it refuses. */
const LOOK = `
pod=$1 echo=$2 port=$3 link=$4 shaper=$5
nsenter --net=$pod $echo serve ${POD_PORT} & server=$!
for attempt in $(seq 100); do
  nsenter --net=/run/netns/world timeout 1 $echo ask ${WORLD.host} $port 1 >/dev/null 2>&1 && echo answered && break
  sleep 0.02
done
kill $server
echo =; tc -j -d qdisc show dev $link root
echo =; tc -j -d qdisc show dev $shaper root
echo =; tc -j filter show dev $link ingress
`

/** The states of pods after the ADDs of their chains, one for each, in order; throws for a chain that does not work. */
export async function readChains(
  { host, label }: CniSide,
  pods: readonly Pod[],
  added: readonly CallResult[],
): Promise<ChainState[]> {
  const shapers = added.map(({ stdout }) => shaperOf(stdout))
  const looks = pods.map(({ netns, hostPort }, index) => {
    const link = hostInterface(added[index]?.stdout ?? '')
    const words = [netns, programPath('round-trip'), String(hostPort), link, shapers[index] ?? '']
    return {
      argv: ['bash', '-c', LOOK, 'bash', ...words],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      stdin: '',
    }
  })
  const { results } = await host.calls(looks, 1)
  return results.map(({ stdout, exitCode, stderr }, index) => {
    assert.equal(exitCode, 0, `${label}: looking at a chain: ${stderr}`)
    const { hostPort, limits, redirectedTo } = readLook(stdout)
    assert.equal(hostPort, 'answered', `${label}: the host's port must lead to the pod`)
    assert.deepEqual(redirectedTo, [shapers[index]], `${label}: what comes from the pod must be limited`)
    assert.deepEqual(
      limits.map(({ rate }) => Number(rate) * 8),
      [LIMITS.ingressRate, LIMITS.egressRate],
      `${label}: the limits must be those of the configuration`,
    )
    return { limits }
  })
}

/** The device that `bandwidth` sends through what comes from the pod: the interface that it added to the result. */
function shaperOf(stdout: string): string {
  const shaper = interfacesOf(stdout).at(-1)?.['name']
  assert.ok(typeof shaper === 'string', `no interface in ${stdout}`)
  return shaper
}

function readLook(seen: string) {
  const [hostPort = '', toPod = '', fromPod = '', filters = ''] = seen.split(/^=\n/m)
  const actions = parseJsonList(filters).flatMap(filter => jsonList(jsonAt(filter, 'options')['actions']))
  return {
    hostPort: hostPort.trim(),
    limits: [toPod, fromPod].flatMap(text => parseJsonList(text).map(limitOf)),
    // Debian's plugin redirects twice to one device.
    redirectedTo: [...new Set(actions.map(action => action['to_dev']))],
  }
}

function limitOf(qdisc: Json): Json {
  return { kind: qdisc['kind'], ...pick(jsonAt(qdisc, 'options'), ['rate', 'burst', 'mpu', 'lat']) }
}
