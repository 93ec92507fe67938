import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAgentConfig } from '../../agent/index.ts'
import type { Surroundings } from './interfaces.ts'
import { agentConfigOf, asksForVersion, warningsAbout } from './translate.ts'

const inCluster = { NODE_NAME: 'worker-1', KUBERNETES_SERVICE_HOST: '10.96.0.1' }
const around: Surroundings = {
  interfaces: () => ({
    lo: [{ address: '127.0.0.1' }],
    eth0: [{ address: '192.168.77.1' }, { address: 'fd77::1' }],
    eth1: [{ address: '10.0.0.5' }],
  }),
  hostName: () => 'machine-7',
  sourceTo: async address => `source to ${address}`,
}

const translate = (line: string, environment: Record<string, string> = inCluster) =>
  agentConfigOf(line === '' ? [] : line.split(' '), environment, around)

test('what a flannel pod is started with', async () => {
  const config = await translate('--ip-masq --kube-subnet-mgr')
  assert.deepEqual(config, {
    nodeName: 'worker-1',
    api: 'https://10.96.0.1:443',
    tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
    caFile: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
    netConf: '/etc/kube-flannel/net-conf.json',
    setNetworkAvailable: true,
    masquerade: true,
    masqueradeRandomFully: true,
    forwardRules: true,
    subnetFile: '/run/flannel/subnet.env',
    wireguardKeyFile: '/run/flannel/wgkey',
    logLevel: 'info',
  })
  assert.equal(parseAgentConfig(config).masquerade, true)
})

test('without --kube-subnet-mgr nodes meet in etcd, by default where flanneld looks for it', async () => {
  const config = parseAgentConfig(await translate('--ip-masq', {}))
  assert.equal(config.nodeName, 'machine-7')
  assert.deepEqual(config.etcdEndpoints, ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'])
  assert.equal(config.etcdPrefix, '/coreos.com/network')
  assert.equal(config.masquerade, true)
  const line =
    '--etcd-endpoints=https://a:1,https://b:2 --etcd-prefix=/p --etcd-cafile=/ca --etcd-certfile=/c --etcd-keyfile=/k'
  const { etcdEndpoints, etcdPrefix, etcdCaFile, etcdCertFile, etcdKeyFile } = parseAgentConfig(
    await translate(`${line} --subnet-lease-renew-margin=60`),
  )
  assert.deepEqual(
    [etcdEndpoints, etcdPrefix, etcdCaFile, etcdCertFile, etcdKeyFile],
    [['https://a:1', 'https://b:2'], '/p', '/ca', '/c', '/k'],
  )
})

test('the password of etcd is taken from either place, with a warning where everybody can read it', async () => {
  const environment = { FLANNELD_ETCD_USERNAME: 'flannel', FLANNELD_ETCD_PASSWORD: 'secret' }
  const silent = parseAgentConfig(await translate('', environment))
  assert.deepEqual([silent.etcdUsername, silent.etcdPassword], ['flannel', 'secret'])
  assert.deepEqual(warningsAbout([]), [])
  const line = ['--etcd-username=flannel', '-etcd-password', 'loud']
  const loud = parseAgentConfig(await translate(line.join(' '), environment))
  assert.equal(loud.etcdPassword, 'loud')
  const [warning = ''] = warningsAbout(line)
  assert.match(warning, /everybody .* can read --etcd-password .*FLANNELD_ETCD_PASSWORD/)
  assert.doesNotMatch(warning, /loud/)
})

const followed: readonly [line: string, expected: object][] = [
  ['-kube-subnet-mgr=1 -ip-masq=f', { masquerade: false }],
  ['--kube-subnet-mgr --iface eth1', { uplink: 'eth1' }],
  ['--kube-subnet-mgr --iface=nope0 --iface=10.0.0.5', { uplink: 'eth1', uplinkAddress: '10.0.0.5' }],
  ['--kube-subnet-mgr --iface-regex=^eth[1-9]', { uplink: 'eth1' }],
  ['--kube-subnet-mgr --iface-regex=^192\\.168\\.', { uplink: 'eth0' }],
  ['--kube-subnet-mgr --iface-can-reach=192.0.2.1', { uplinkAddress: 'source to 192.0.2.1' }],
  ['--kube-subnet-mgr --public-ip=203.0.113.1', { publicAddress: '203.0.113.1' }],
  ['--kube-subnet-mgr --public-ipv6=2001:db8::1', { publicAddress6: '2001:db8::1' }],
  ['--kube-subnet-mgr --subnet-file=/tmp/s --net-config-path=/n', { subnetFile: '/tmp/s', netConf: '/n' }],
  ['--kube-subnet-mgr --kube-annotation-prefix=example.com/x', { annotationPrefix: 'example.com/x' }],
  ['--kube-subnet-mgr --healthz-port=8080', { healthz: { host: '0.0.0.0', port: 8080 } }],
  ['--kube-subnet-mgr --healthz-ip=127.0.0.1 --healthz-port 1', { healthz: { host: '127.0.0.1', port: 1 } }],
  ['--kube-subnet-mgr --kubeconfig-file=/etc/k', { kubeconfig: '/etc/k' }],
  ['--kube-subnet-mgr --kube-api-url=http://10.0.0.10:6443', { api: 'http://10.0.0.10:6443' }],
  ['--kube-subnet-mgr --ip-masq-fully-random-disable', { masqueradeRandomFully: false }],
  ['--kube-subnet-mgr --set-node-network-unavailable=false', { setNetworkAvailable: false }],
  ['--kube-subnet-mgr --v=4', { logLevel: 'debug' }],
  ['--kube-subnet-mgr --iptables-forward-rules=false', { forwardRules: false }],
]

for (const [line, expected] of followed) {
  test(`followed: ${line}`, async () => {
    const config = await translate(line)
    assert.deepEqual({ ...config, ...expected }, config)
  })
}

test('the environment says what the command line does not', async () => {
  const environment = {
    ...inCluster,
    FLANNELD_KUBE_SUBNET_MGR: 'true',
    FLANNELD_IFACE: 'eth1',
    FLANNELD_IP_MASQ: 'true',
  }
  const config = await translate('--ip-masq=false', environment)
  assert.deepEqual([config['uplink'], config['masquerade']], ['eth1', false])
})

const refused: readonly [line: string, message: RegExp, environment?: Record<string, string>][] = [
  ['--subnet-lease-renew-margin=5', /--subnet-lease-renew-margin cannot be followed: .*renewed/],
  ['--kube-subnet-mgr --ip-blackhole-route', /--ip-blackhole-route cannot be followed/],
  ['--kube-subnet-mgr --iptables-resync=5', /--iptables-resync cannot be followed: .*mended at once/],
  ['--kube-subnet-mgr --what', /flanneld has no flag --what/],
  ['--kube-subnet-mgr what', /expected flags such as --ip-masq, found "what"/],
  ['--kube-subnet-mgr --iface', /--iface needs a value/],
  ['--kube-subnet-mgr=maybe', /--kube-subnet-mgr: expected true or false, found "maybe"/],
  ['--kube-subnet-mgr --iface=nope0', /no interface is "nope0"; there are lo, eth0, eth1/],
  ['--kube-subnet-mgr --iface-regex=nope', /no interface is "nope"/],
  ['--kube-subnet-mgr --iface-can-reach=router', /--iface-can-reach: expected an address/],
  ['--kube-subnet-mgr --healthz-port=http', /--healthz-port: expected a port/],
  ['--kube-subnet-mgr --kubeconfig-file=/k --kube-api-url=http://x', /give one of them/],
  ['--kube-subnet-mgr', /NODE_NAME is not set/, { KUBERNETES_SERVICE_HOST: '10.96.0.1' }],
]

for (const [line, message, environment] of refused) {
  test(`refused: ${line}`, () =>
    assert.rejects(translate(line, environment), { code: 'flanneld.flag', message }))
}

test('a question for the version is seen in either spelling', () => {
  assert.deepEqual(
    [['--version'], ['-version'], ['--v=1']].map(args => asksForVersion(args)),
    [true, true, false],
  )
})
