import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { PodlaceError, systemClock } from '../../../base/index.ts'
import type { InstallReport, NetworkFile, PluginType } from '../../../cni/index.ts'
import type { CliContext } from '../../context.ts'
import { wholeNumber } from '../../options.ts'
import { printResult } from '../lab/common.ts'
import { changeLines } from './change-lines.ts'
import { badSetting, collect, withJson } from './options.ts'

interface PlaceFlags {
  readonly binDir: string
  readonly confDir: string
  readonly types: string
  readonly output: 'text' | 'json'
}

interface InstallFlags extends PlaceFlags {
  readonly network: string
  /** False for --no-conflist. */
  readonly conflist?: string | boolean
  readonly agentUid?: number
  readonly stateDir: string
  readonly hostLocalDir?: readonly string[]
  readonly runDir?: readonly string[]
  readonly shim?: string
  readonly force?: boolean
}

/** Of one that was killed between two steps nothing is left but a lock that is gone, so that this is long enough. */
const LOCK_TIMEOUT_MS = 30_000

const INSTALL_HELP = `
Each file is replaced in one step, so that a runtime may go on meanwhile; the network list is written last, since with
it the machine's pods are ours. A second run changes nothing. Other programs that stand in a plugin's place stay where
they are; with --force they are kept aside under their name with .before-podlace.

The agent needs no root, but directories that it may write: with --agent-uid they are made and given to it, with the
leases that host-local, run by root, has left in them.

Examples:
  podlace cni install --agent-uid 64113
  podlace cni install --types podlace,flannel --network pods
  podlace cni install --no-conflist --types bridge,host-local,portmap --force
In an init container, with the host's directories mounted below /host:
  podlace cni install --agent-uid 64113 --bin-dir /host/opt/cni/bin --conf-dir /host/etc/cni/net.d \\
    --state-dir /host/var/lib/podlace --host-local-dir /host/var/lib/cni/networks --run-dir /host/run/podlace`

const UNINSTALL_HELP = `
The network list goes first, so that no new pods come; then the plugins, and what was kept aside comes back. Pods that
are still attached cannot be detached after that: drain the node before. Leases and state stay.`

/** `install` and `uninstall`: this machine as a node. */
export function addInstallCommands(cni: Command, context: CliContext): void {
  onPlaces(cni.command('install'))
    .description('put plugins, directories and the network in place')
    .option('--network <name>', 'name of the network of type podlace to write', 'podlace')
    .option('--conflist <file>', 'write this network list instead, under its own name')
    .option('--no-conflist', 'write no network list')
    .option('--agent-uid <uid>', "the agent's user", wholeNumber(0, 2 ** 32 - 2))
    .option('--state-dir <path>', "the agent's journal", '/var/lib/podlace')
    .option(
      '--host-local-dir <path>',
      'leases of host-local; repeatable; default /var/lib/cni/networks',
      collect,
    )
    .option(
      '--run-dir <path>',
      'for sockets and subnet.env; repeatable; default /run/podlace, /run/flannel',
      collect,
    )
    .option('--shim <file>', 'the built shim; default the one of this program')
    .option('--force', 'keep other programs of the same name aside')
    .addHelpText('after', INSTALL_HELP)
    .action((flags: InstallFlags) => install(context, flags))
  onPlaces(cni.command('uninstall'))
    .description('undo install')
    .option('--conflist <name>', "the network list's file name; default 10-podlace.conflist")
    .option('--no-conflist', 'leave the network list')
    .addHelpText('after', UNINSTALL_HELP)
    .action((flags: PlaceFlags & Pick<InstallFlags, 'conflist'>) => uninstall(context, flags))
}

function onPlaces(command: Command): Command {
  return withJson(command)
    .option('--bin-dir <path>', 'where runtimes look for plugins', '/opt/cni/bin')
    .option('--conf-dir <path>', 'where runtimes look for networks', '/etc/cni/net.d')
    .option('--types <all|a,b>', 'plugin types', 'all')
}

async function install(context: CliContext, flags: InstallFlags): Promise<void> {
  const cni = await import('../../../cni/index.ts')
  const { binDir, confDir, agentUid: uid, force = false } = flags
  const network = await networkOf(flags)
  const directories = [
    flags.stateDir,
    ...(flags.hostLocalDir ?? ['/var/lib/cni/networks']),
    ...(flags.runDir ?? ['/run/podlace', '/run/flannel']),
  ]
  const report = await cni.install({
    ...waiting(context),
    binDir,
    confDir,
    types: await typesOf(flags),
    shim: flags.shim ?? findShim(),
    force,
    uid: context.uid,
    ...(network === undefined ? {} : { network }),
    ...(uid === undefined ? {} : { agent: { uid, directories } }),
  })
  printResult(context, flags, report, () => installLines(report, flags))
}

function installLines({ changes, before }: InstallReport, flags: InstallFlags): readonly string[] {
  const isLeft = changes.some(({ did }) => did === 'left')
  return [
    ...changeLines(changes),
    ...(isLeft ? ['--force keeps other programs aside and takes their place'] : []),
    ...(flags.agentUid === undefined
      ? ['no --agent-uid: the directories of the agent are as they were']
      : []),
    ...(before.length === 0
      ? []
      : [`runtimes take the first file by name, which is ${before.join(', ')}, not ours`]),
  ]
}

async function networkOf({ conflist = true, network }: InstallFlags): Promise<NetworkFile | undefined> {
  const { podlaceNetwork, readNetworkFile } = await import('../../../cni/index.ts')
  if (typeof conflist === 'string') return readNetworkFile(conflist)
  return conflist ? podlaceNetwork(network) : undefined
}

async function uninstall(
  context: CliContext,
  flags: PlaceFlags & Pick<InstallFlags, 'conflist'>,
): Promise<void> {
  const cni = await import('../../../cni/index.ts')
  const { binDir, confDir, conflist = true } = flags
  const network = conflist === true ? cni.NETWORK_FILE : conflist
  const changes = await cni.uninstall({
    ...waiting(context),
    binDir,
    confDir,
    types: await typesOf(flags),
    ...(network === false ? {} : { network }),
  })
  printResult(context, flags, { changes }, () =>
    changes.length === 0 ? ['nothing is installed'] : changeLines(changes),
  )
}

function waiting({ signal }: CliContext) {
  return { clock: systemClock, signal, timeoutMs: LOCK_TIMEOUT_MS }
}

async function typesOf({ types }: PlaceFlags): Promise<readonly PluginType[] | 'all'> {
  if (types === 'all') return types
  const { PLUGIN_TYPES } = await import('../../../cni/index.ts')
  return types.split(',').map(name => {
    const type = PLUGIN_TYPES.find(known => known === name)
    if (type !== undefined) return type
    throw badSetting(`--types has ${JSON.stringify(name)}: it takes all, or of ${PLUGIN_TYPES.join(', ')}`)
  })
}

/** Seen from `src/cli/commands/cni/` in a checkout and from `dist/` in a bundle. */
const PLACES = ['../../../../build/podlace-cni', '../build/podlace-cni']

function findShim(): string {
  const paths = PLACES.map(place => fileURLToPath(new URL(place, import.meta.url)))
  const found = paths.find(existsSync)
  if (found !== undefined) return found
  const message = `the shim is not there (${paths.join(', ')}): run \`npm run build\`, or name it with --shim`
  throw new PodlaceError('find the shim', message, { code: 'cni.install.no-shim' })
}
