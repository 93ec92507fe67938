/**
 * Our runtime and commands call Debian's Go plugins (package containernetworking-plugins): bridge with host-local,
 * portmap and tuning, in a namespace that stands for a node.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { decodeCacheEntry, encodeCacheEntry } from '../../src/cni/index.ts'
import { Netns, unpin } from '../../src/sys/index.ts'

const GO_PLUGINS = '/usr/lib/cni'
const PODLACE = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let root = ''
let node: Netns
const pods = new Map<string, Netns>()
const children = new Set<ChildProcess>()

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlace-cni-runtime-'))
  node = Netns.create()
  inside(node, 'ip', 'link', 'set', 'lo', 'up')
})

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  for (const [name, pod] of pods) {
    pod.close()
    unpin(at(name))
  }
  pods.clear()
  node.close()
  rmSync(root, { recursive: true, force: true })
})

const at = (...parts: string[]) => join(root, ...parts)
const enter = (netns: Netns) => ['nsenter', `--net=/proc/${process.pid}/fd/${netns.fds.netns}`]

function inside(netns: Netns, ...command: string[]): string {
  const [file = '', ...args] = [...enter(netns), ...command]
  // nft remarks that a table is iptables'.
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}

function makePod(name: string): string {
  const pod = Netns.create()
  pods.set(name, pod)
  pod.pin(at(name))
  return at(name)
}

const podOf = (name: string) => pods.get(name) ?? assert.fail(`no pod ${name}`)

const BRIDGE = () => ({
  type: 'bridge',
  bridge: 'lan0',
  isGateway: true,
  ipam: {
    type: 'host-local',
    dataDir: at('leases'),
    ranges: [[{ subnet: '10.9.0.0/24' }]],
    routes: [{ dst: '0.0.0.0/0' }],
  },
  capabilities: { ips: true },
})
const PORTMAP = { type: 'portmap', capabilities: { portMappings: true } }
const TUNING = () => ({
  type: 'tuning',
  dataDir: at('tuning'),
  sysctl: { 'net.core.somaxconn': '500' },
  capabilities: { mac: true },
})

function writeNetwork(...plugins: object[]): string {
  const text = JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins })
  writeFileSync(at('pods.conflist'), text)
  return text
}

interface Outcome {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** `podlace cni ...` on the node. */
function start(...args: string[]): { readonly child: ChildProcess; readonly outcome: Promise<Outcome> } {
  const [file = '', ...rest] = [
    ...enter(node),
    process.execPath,
    PODLACE,
    'cni',
    ...args,
    '--bin-dir',
    GO_PLUGINS,
  ]
  const places = ['--bin-dir', root, '--conf-dir', root, '--cache-dir', at('cache')]
  const child = spawn(file, [...rest, ...places], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => (out += text))
  child.stderr.setEncoding('utf8').on('data', text => (err += text))
  const outcome = new Promise<Outcome>(resolve => child.on('close', status => resolve({ status, out, err })))
  return { child, outcome }
}

const cni = (...args: string[]) => start(...args).outcome

async function must(...args: string[]): Promise<string> {
  const { status, out, err } = await cni(...args)
  assert.equal(status, 0, err)
  return out
}

const leases = () => readdirSync(at('leases/pods')).filter(name => name.startsWith('10.'))
const kept = () => readdirSync(at('cache/results'))
const ports = () => inside(node, 'ip', '-o', 'link', 'show', 'type', 'veth').trim()
const rules = () => inside(node, 'nft', 'list', 'ruleset')

const CAPABILITIES = JSON.stringify({
  portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
  mac: '02:00:00:00:00:77',
  ips: ['10.9.0.77/24'],
  bandwidth: { ingressRate: 1 },
})

test('a list with capabilities: ADD, the kept result, DEL; nothing remains', async () => {
  const list = writeNetwork(BRIDGE(), PORTMAP, TUNING())
  const netns = makePod('a')
  const out = await must(
    'add',
    'pods',
    netns,
    '--container-id',
    'c1',
    '--capability-args',
    CAPABILITIES,
    '--json',
  )
  assert.equal(JSON.parse(out).ips[0].address, '10.9.0.77/24')
  assert.match(inside(podOf('a'), 'ip', 'link', 'show', 'eth0'), /02:00:00:00:00:77/)
  assert.match(inside(podOf('a'), 'sysctl', 'net.core.somaxconn'), /= 500/)
  assert.match(rules(), /dport 8080 .*dnat to 10\.9\.0\.77:80/)
  assert.deepEqual(kept(), ['pods-c1-eth0'])
  const path = at('cache/results/pods-c1-eth0')
  const bytes = readFileSync(path)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  assert.equal(encodeCacheEntry(decodeCacheEntry(bytes, path)), bytes.toString())
  const entry = JSON.parse(bytes.toString())
  const order = [
    'kind',
    'containerId',
    'config',
    'ifName',
    'networkName',
    'netns',
    'capabilityArgs',
    'result',
  ]
  assert.deepEqual(Object.keys(entry), order)
  assert.deepEqual(entry.result, JSON.parse(out))
  assert.equal(Buffer.from(entry.config, 'base64').toString(), list)
  await must('del', 'pods', '--container-id', 'c1')
  assert.deepEqual([leases(), kept(), ports()], [[], [], ''])
  assert.doesNotMatch(rules(), /10\.9\.0\.77/)
  await must('del', 'pods', netns, '--container-id', 'c1')
})

test('CHECK tells which plugin finds what', async () => {
  writeNetwork(BRIDGE(), TUNING())
  const netns = makePod('a')
  await must('add', 'pods', netns)
  assert.match(await must('check', 'pods', netns), /as it should be/)
  inside(podOf('a'), 'ip', 'addr', 'flush', 'dev', 'eth0')
  const { status, err } = await cni('check', 'pods', netns)
  assert.equal(status, 1)
  assert.match(err, /plugin bridge refused CHECK with code \d+: .*10\.9\.0\.2/)
})

test('a second ADD does no harm', async () => {
  writeNetwork(BRIDGE())
  const netns = makePod('a')
  await must('add', 'pods', netns)
  assert.match((await cni('add', 'pods', netns)).err, /is attached to network pods already: DEL it first\n$/)
  await must('check', 'pods', netns)
  assert.deepEqual(leases(), ['10.9.0.2'])
})

test('GC deletes what is kept and not alive, also if the namespace is gone', async () => {
  writeNetwork(BRIDGE(), PORTMAP)
  for (const name of ['a', 'b']) await must('add', 'pods', makePod(name), '--container-id', name)
  podOf('b').close()
  unpin(at('b'))
  pods.delete('b')
  assert.equal(
    await must('gc', 'pods', '--keep', 'a/eth0'),
    'deleted eth0 of container b\nnetwork pods is clean\n',
  )
  assert.deepEqual([leases(), kept()], [['10.9.0.2'], ['pods-a-eth0']])
  await must('check', 'pods', at('a'), '--container-id', 'a')
})

/** Between the bridge and the rest: says that it runs, then takes a while, in steps that end with its caller. */
function installSlowPlugin(): void {
  const script = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
echo $$ > ${at('slow.pid')}
for n in $(seq 300); do [ -d /proc/$PPID ] || exit 1; sleep 0.1; done
exit 1
`
  writeFileSync(at('slow'), script)
  chmodSync(at('slow'), 0o755)
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let n = 0; n < 1000 && !holds(); n += 1) await new Promise(resolve => setTimeout(resolve, 10))
  assert.ok(holds(), what)
}

const slowPid = () => (existsSync(at('slow.pid')) ? readFileSync(at('slow.pid'), 'utf8').trim() : '')
const isRunning = (pid: string) => existsSync(`/proc/${pid}`)

for (const [signal, ending] of [
  ['SIGKILL', 'killed'],
  ['SIGINT', 'interrupted'],
] as const) {
  test(`${ending} between two plugins: DEL takes away what the first one made`, async () => {
    writeNetwork(BRIDGE(), { type: 'slow' })
    installSlowPlugin()
    const netns = makePod('a')
    const { child, outcome } = start('add', 'pods', netns)
    await until('the second plugin runs', () => slowPid() !== '')
    child.kill(signal)
    const { status, err } = await outcome
    assert.equal(status, signal === 'SIGINT' ? 130 : null)
    if (signal === 'SIGINT')
      assert.match(err, /interrupted at plugin slow \(what was made before stays; .* del /)
    await until('the second plugin has ended', () => !isRunning(slowPid()))
    assert.deepEqual([leases(), existsSync(at('cache'))], [['10.9.0.2'], false])
    assert.match(ports(), /veth/)
    await must('del', 'pods', netns)
    assert.deepEqual([leases(), ports()], [[], ''])
    assert.doesNotMatch(inside(podOf('a'), 'ip', 'link'), /eth0/)
  })
}

test('a plugin that hangs is killed after its time', async () => {
  writeNetwork({ type: 'slow' })
  installSlowPlugin()
  const { status, err } = await cni('add', 'pods', makePod('a'), '--timeout', '1')
  assert.equal(status, 1)
  assert.match(err, /plugin slow did not end within 1 s and was killed/)
  await until('it is gone', () => !isRunning(slowPid()))
})

test('versions are asked of all plugins', async () => {
  writeNetwork(BRIDGE(), PORTMAP, TUNING())
  assert.match(
    await must('version', 'pods'),
    /pods speaks 1\.0\.0\n {2}bridge .*1\.0\.0\n {2}portmap .*\n {2}tuning/,
  )
})
