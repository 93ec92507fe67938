import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import {
  checkBuilt,
  installProgram as installCopy,
  nodeToMount,
  SERVICE_UID,
  withoutRoot,
} from '../../src/lab/index.ts'
import { DISK, type FakeHost } from './fake-host.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Where the program lies inside the fake host. */
const APP = '/run/app'
export const OUR_PLUGINS = `${APP}/cni`
const TYPES = ['bridge', 'host-local', 'portmap', 'bandwidth', 'podlace'] as const

/** Sockets, logs, the token. */
export const RUN = '/run/podlace'
export const STATE = `${DISK}/podlace`
/** Where `host-local` keeps its leases: on a disk, as by default. */
export const LEASES = `${DISK}/networks`
export const TOKEN = 'bench'
const TOKEN_FILE = `${RUN}/token`
/** As in the systemd unit of docs/operations.md. */
const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', MALLOC_ARENA_MAX: '1' }

/** Puts shim, bundle and addon, as built by `npm run build`, into the fake host, where the agent's uid can read them. */
export async function installProgram(host: FakeHost): Promise<void> {
  checkBuilt(ROOT)
  // The checkout may lie where the agent's uid cannot read.
  const copy = mkdtempSync(join(tmpdir(), 'podlace-bench-'))
  try {
    installCopy(ROOT, process.execPath, copy)
    const node = nodeToMount(copy, process.execPath)
    await host.commands([
      ['mkdir', '-p', OUR_PLUGINS, LEASES, RUN, STATE],
      ['cp', '-r', join(copy, 'dist'), join(copy, 'build'), join(copy, 'node'), APP],
      ...TYPES.map(type => ['ln', `${APP}/build/podlace-cni`, `${OUR_PLUGINS}/${type}`]),
      ...(node === process.execPath ? [['mount', '--bind', node, `${APP}/node`]] : []),
      ['chmod', '-R', 'a+rX', `${APP}/dist`, `${APP}/build`, OUR_PLUGINS],
      ['chown', '-R', `${SERVICE_UID}`, LEASES, RUN, STATE],
    ])
    await host.commands([['tee', TOKEN_FILE]], TOKEN)
  } finally {
    rmSync(copy, { recursive: true })
  }
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
  const privilege = [...withoutRoot(role === 'agent' ? 'net_admin' : undefined), '--pdeathsig=KILL']
  const program = [`${APP}/node`, `${APP}/dist/podlace.mjs`, role, '--token-file', TOKEN_FILE]
  return host.start([...privilege, ...program, ...args], {
    env: ENV,
    log: `${RUN}/${role}.log`,
    counted: role === 'agent',
  })
}
