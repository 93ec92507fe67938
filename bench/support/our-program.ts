import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { DISK, type FakeHost } from './fake-host.ts'

const ROOT = join(import.meta.dirname, '../..')
const BUILT = ['dist/podlace.mjs', 'build/podlace.node', 'build/podlace-cni'] as const

/** Where the program lies inside the fake host. */
const APP = '/run/app'
export const OUR_PLUGINS = `${APP}/cni`
const TYPES = ['bridge', 'host-local', 'portmap', 'bandwidth', 'podlace'] as const

/** Any uid but 0: the agent runs with one capability. */
const UID = '64113'
/** Sockets, logs, the token. */
export const RUN = '/run/podlace'
export const STATE = `${DISK}/podlace`
/** Where `host-local` keeps its leases: on a disk, as by default. */
export const LEASES = `${DISK}/networks`
export const TOKEN = 'bench'
const TOKEN_FILE = `${RUN}/token`
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** Puts shim, bundle and addon, as built by `npm run build`, into the fake host, where the agent's uid can read them. */
export async function installProgram(host: FakeHost): Promise<void> {
  checkBuilt()
  const copy = copyProgram()
  // A bind mount where others may execute the binary, since it is large; else a copy.
  const shared = (statSync(process.execPath).mode & 0o005) === 0o005
  try {
    await host.commands([
      ['mkdir', '-p', OUR_PLUGINS, LEASES, RUN, STATE],
      ['cp', '-r', join(copy, 'dist'), join(copy, 'build'), APP],
      ...TYPES.map(type => ['ln', `${APP}/build/podlace-cni`, `${OUR_PLUGINS}/${type}`]),
      shared ? ['touch', `${APP}/node`] : ['cp', process.execPath, `${APP}/node`],
      shared ? ['mount', '--bind', process.execPath, `${APP}/node`] : ['chmod', '755', `${APP}/node`],
      ['chmod', '-R', 'a+rX', `${APP}/dist`, `${APP}/build`, OUR_PLUGINS],
      ['chown', '-R', UID, LEASES, RUN, STATE],
    ])
    await host.commands([['tee', TOKEN_FILE]], TOKEN)
  } finally {
    rmSync(copy, { recursive: true })
  }
}

function checkBuilt(): void {
  const missing = BUILT.filter(file => !existsSync(join(ROOT, file)))
  if (missing.length > 0) throw new Error(`${missing.join(', ')} not built: npm run build`)
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

/**
 * As in production: any uid, no new privileges, CAP_NET_ADMIN for the agent and nothing for the others. Only the agent's
 * CPU counts, since the others are elsewhere in a real cluster. Returns the process id.
 */
export async function startDaemon(
  host: FakeHost,
  role: 'apiserver' | 'controller' | 'agent',
  args: readonly string[],
): Promise<number> {
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
  return host.start([...privilege, ...program, ...args], {
    env: { PATH },
    log: `${RUN}/${role}.log`,
    counted: role === 'agent',
  })
}
