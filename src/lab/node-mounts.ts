import { PLUGIN_TYPES } from '../cni/index.ts'
import { NODE_PATHS, SERVICE_UID } from './layout.ts'

export interface NodeMounts {
  /** Directory with `dist/`, `build/`: bound read-only at /opt/podlace. Readable by everybody. */
  readonly programDirectory: string
  /** The Node binary, bound at /opt/podlace/node. */
  readonly nodeBinary: string
  /** An empty directory, mount point for the scratch tmpfs while the mounts are made. */
  readonly scratch: string
  /** Bound at /var/lib/podlace instead of a private tmpfs: the control's database lives in the lab's directory. */
  readonly stateDirectory?: string
}

/**
 * The shell script that gives a new mount namespace the files of a node: private /run, /etc, /opt and /var/lib over
 * the machine's (overlay mounts whose upper layers vanish with the namespace), so that nothing is ever created in
 * the machine's own directories, and everything else (`ip`, `ping`, shells) is there as usual.
 *
 * The binds come before /run is covered, for the sources may lie below it. The paths are quoted for sh.
 */
export function nodeMountScript(mounts: NodeMounts): string {
  const scratch = quote(mounts.scratch)
  const overlays = ['etc', 'opt', 'var/lib'].map(directory => {
    const layer = `${scratch}/${directory.replace('/', '-')}`
    return [
      `mkdir ${layer} ${layer}/up ${layer}/work`,
      `mount -t overlay -o lowerdir=/${directory},upperdir=${layer}/up,workdir=${layer}/work podlace-lab /${directory}`,
    ].join('\n')
  })
  return `umask 022
mount -t tmpfs -o mode=0755 podlace-lab ${scratch}
${overlays.join('\n')}
${programScript(mounts)}
${stateScript(mounts)}
umount -l ${scratch}
mount -t tmpfs -o mode=0755 podlace-lab /run
mkdir ${NODE_PATHS.netns} ${NODE_PATHS.run} ${NODE_PATHS.flannel}
chown ${SERVICE_UID}:${SERVICE_UID} ${NODE_PATHS.run} ${NODE_PATHS.flannel}
# The TUN device is for everybody, as on machines with udev; without one only the backend udp lacks something.
if [ -e /dev/net/tun ]; then mknod -m 0666 /run/tun c 10 200; mount --bind /run/tun /dev/net/tun; fi`
}

function programScript({ programDirectory, nodeBinary }: NodeMounts): string {
  return `
mkdir -p /opt/podlace /etc/cni
mount -t tmpfs -o mode=0755 podlace-lab /etc/cni
mkdir ${NODE_PATHS.cniConfigDirectory}
mount --bind ${quote(programDirectory)} /opt/podlace
mount --bind ${quote(nodeBinary)} ${NODE_PATHS.node}
mount -o remount,bind,ro,exec ${NODE_PATHS.node}
mount -o remount,bind,ro,exec /opt/podlace
mkdir -p /opt/cni
mount -t tmpfs -o mode=0755 podlace-lab /opt/cni
mkdir ${NODE_PATHS.cniBin}
for type in ${PLUGIN_TYPES.join(' ')}; do cp /opt/podlace/build/podlace-cni ${NODE_PATHS.cniBin}/$type; done
chmod 0755 ${NODE_PATHS.cniBin}/*`
}

function stateScript({ stateDirectory }: NodeMounts): string {
  const state =
    stateDirectory === undefined
      ? ownedTmpfs(NODE_PATHS.state)
      : `mkdir -p ${NODE_PATHS.state}\nmount --bind ${quote(stateDirectory)} ${NODE_PATHS.state}`
  return `${state}
${ownedTmpfs('/var/lib/cni')}
mkdir -p ${NODE_PATHS.containerdRoot}
mount -t tmpfs -o mode=0711 podlace-lab ${NODE_PATHS.containerdRoot}`
}

function ownedTmpfs(path: string): string {
  return `mkdir -p ${path}
mount -t tmpfs -o mode=0755,uid=${SERVICE_UID},gid=${SERVICE_UID} podlace-lab ${path}`
}

/** `text` as one word of sh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
