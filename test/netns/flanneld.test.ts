/** `podlace flanneld` beside an API server, in namespaces of its own where the default directories are empty. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'

const PODLACE = path.resolve(import.meta.dirname, '../../bin/podlace')

/** Every wait has an end, and with the script ends its process namespace: all that it started. */
const SCRIPT = `
set -eu
for directory in /mnt /run /var/lib; do mount -t tmpfs podlace-test $directory; done
mkdir /run/podlace /run/flannel /var/lib/podlace
ip link set lo up
ip link add eth0 type veth peer name far
ip address add 192.168.77.1/24 dev eth0
ip link set far up
ip link set eth0 up
cd /mnt
until_ok() { for try in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "in vain: $*" >&2; cat *.log >&2; exit 1; }
"$PODLACE" apiserver --listen 127.0.0.1:6443 --data /mnt/db 2>apiserver.log &
nodes=http://127.0.0.1:6443/api/v1/nodes
until_ok curl -sf $nodes
curl -sf -o /dev/null -H 'content-type: application/json' -d "$NODE" $nodes
echo "$NET_CONF" > net-conf.json
NODE_NAME=worker-1 FLANNELD_IP_MASQ=true "$PODLACE" flanneld --kube-subnet-mgr -iface eth0 \\
  --kube-api-url=http://127.0.0.1:6443 --net-config-path=/mnt/net-conf.json --public-ip=203.0.113.1 \\
  --kube-annotation-prefix=example.com/net --healthz-ip=127.0.0.1 --healthz-port=8090 2>flanneld.log &
until_ok curl -sf http://127.0.0.1:8090/readyz
until_ok grep -q FLANNEL_IPMASQ /run/flannel/subnet.env
until_ok sh -c "curl -sf $nodes/worker-1 | grep -q backend-type"
cat /run/flannel/subnet.env
echo ---
curl -sf $nodes/worker-1
`

const NAMESPACES = [
  '--net',
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
]

test('a node runs by the flags of flanneld and net-conf.json alone', async () => {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'worker-1' },
    spec: { podCIDR: '10.244.1.0/24' },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.77.1' }] },
  }
  const env = {
    ...process.env,
    PODLACE,
    NODE: JSON.stringify(node),
    NET_CONF: '{"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}}',
  }
  const argv = [...NAMESPACES, 'sh', '-c', SCRIPT]
  const { stdout } = await promisify(execFile)('unshare', argv, { env, timeout: 90_000 })
  const [subnetEnv, object] = stdout.split('---\n')
  assert.equal(
    subnetEnv,
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\n',
  )
  assert.deepEqual(JSON.parse(object ?? '').metadata.annotations, {
    'example.com/net-kube-subnet-manager': 'true',
    'example.com/net-backend-type': 'host-gw',
    'example.com/net-public-ip': '203.0.113.1',
    'example.com/net-backend-data': 'null',
  })
})
