/**
 * Our side of a comparison: a fake host that is a node of a cluster of one. API server, controller and agent run as
 * users run them; only the agent's CPU time is counted, since the others are elsewhere in a real cluster.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import type { FakeHost } from './fake-host.ts'

const ROOT = join(import.meta.dirname, '../..')
const BUILT = ['dist/podlace.mjs', 'build/podlace.node', 'build/podlace-cni'] as const

/** Where the program lies inside the fake host. */
const APP = '/run/app'
export const OUR_PLUGINS = `${APP}/cni`
const TYPES = ['bridge', 'host-local', 'podlace'] as const

/** Any uid but 0: the agent runs with one capability. */
const UID = '64113'
const RUN = '/run/podlace'
const STATE = '/run/podlace-state'
const API = '127.0.0.1:6443'
const TOKEN = 'bench'
const TOKEN_FILE = `${RUN}/token`
const ADMIN = `${RUN}/agent.sock`
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** Throws if `npm run build` has not been run. */
export function checkBuilt(): void {
  const missing = BUILT.filter(file => !existsSync(join(ROOT, file)))
  if (missing.length > 0) throw new Error(`${missing.join(', ')} not built: npm run build`)
}

/** Puts the program into the fake host and starts it; resolves when the agent says that it is ready. */
export async function startOurNode(host: FakeHost, address: string): Promise<void> {
  await installProgram(host)
  await host.commands([['tee', TOKEN_FILE]], TOKEN)
  await startDaemon(host, 'apiserver', ['--listen', API, '--data', `${STATE}/store.sqlite`])
  await waitFor(host, 'the API server to answer', ['GET', API, '/api/v1/nodes', TOKEN])
  await createObjects(host, address)
  await startDaemon(host, 'controller', ['--api', `http://${API}`])
  await startDaemon(host, 'agent', [
    '--node-name=bench',
    `--api=http://${API}`,
    `--state-dir=${STATE}`,
    '--subnet-file=',
    '--log-level=warn',
  ])
  await waitFor(host, 'the agent to be ready', ['GET', ADMIN, '/readyz'])
}

async function installProgram(host: FakeHost): Promise<void> {
  const copy = copyProgram()
  // A bind mount where others may execute the binary, since it is large; else a copy.
  const shared = (statSync(process.execPath).mode & 0o005) === 0o005
  try {
    await host.commands([
      ['mkdir', '-p', OUR_PLUGINS, '/run/cni/networks', RUN, STATE],
      ['cp', '-r', join(copy, 'dist'), join(copy, 'build'), APP],
      ...TYPES.map(type => ['ln', `${APP}/build/podlace-cni`, `${OUR_PLUGINS}/${type}`]),
      shared ? ['touch', `${APP}/node`] : ['cp', process.execPath, `${APP}/node`],
      shared ? ['mount', '--bind', process.execPath, `${APP}/node`] : ['chmod', '755', `${APP}/node`],
      ['chmod', '-R', 'a+rX', `${APP}/dist`, `${APP}/build`, OUR_PLUGINS],
      ['chown', '-R', UID, '/run/cni', RUN, STATE],
    ])
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** The checkout may lie where the agent's uid cannot read. */
function copyProgram(): string {
  const copy = mkdtempSync(join(tmpdir(), 'podlace-bench-'))
  for (const file of BUILT) {
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    copyFileSync(join(ROOT, file), join(copy, file))
    chmodSync(join(copy, file), 0o755)
  }
  return copy
}

/** As in production: any uid, no new privileges, CAP_NET_ADMIN for the agent and nothing for the others. */
async function startDaemon(host: FakeHost, role: string, args: readonly string[]): Promise<void> {
  const set = role === 'agent' ? '-all,+net_admin' : '-all'
  const privilege = [
    'setpriv',
    `--reuid=${UID}`,
    `--regid=${UID}`,
    '--clear-groups',
    `--inh-caps=${set}`,
    `--ambient-caps=${set}`,
    `--bounding-set=${set}`,
    '--no-new-privs',
    '--pdeathsig=KILL',
    '--',
  ]
  const program = [`${APP}/node`, `${APP}/dist/podlace.mjs`, role, '--token-file', TOKEN_FILE]
  await host.start([...privilege, ...program, ...args], {
    env: { PATH },
    log: `${RUN}/${role}.log`,
    counted: role === 'agent',
  })
}

async function createObjects(host: FakeHost, address: string): Promise<void> {
  const status = { addresses: [{ type: 'InternalIP', address }] }
  const network = {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'NetworkConfig',
    metadata: { name: 'default' },
    spec: { network: '10.244.0.0/16', subnetLength: 24, backend: { type: 'host-gw' } },
  }
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'bench' }, spec: {}, status }
  await request(host, ['POST', API, '/apis/podlace.dev/v1alpha1/networkconfigs', TOKEN], network)
  await request(host, ['POST', API, '/api/v1/nodes', TOKEN], node)
  await request(host, ['PATCH', API, '/api/v1/nodes/bench/status', TOKEN], { status })
}

/** A request that must succeed. */
async function request(host: FakeHost, args: readonly string[], body: unknown): Promise<void> {
  const answer = await ask(host, args, JSON.stringify(body))
  if (!/^2\d\d /.test(answer)) throw new Error(`${args.slice(0, 3).join(' ')}: ${answer}`)
}

function ask(host: FakeHost, args: readonly string[], body = ''): Promise<string> {
  return host.commands([[process.execPath, join(import.meta.dirname, 'request.ts'), ...args]], body)
}

async function waitFor(host: FakeHost, what: string, args: readonly string[]): Promise<void> {
  const deadlineMs = performance.now() + 20_000
  let answer = ''
  while (performance.now() < deadlineMs) {
    answer = await ask(host, args)
    if (answer.startsWith('200 ')) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const logs = await host.commands([['sh', '-c', `tail -n 8 ${RUN}/*.log`]])
  throw new Error(`waited 20 s for ${what}; last answer: ${answer.trim()}\n${logs}`)
}
