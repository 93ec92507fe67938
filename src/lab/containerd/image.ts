import { createHash } from 'node:crypto'
import { packTar, type TarMember } from './tar.ts'

/** What a lab's containers and pause containers are made of. It is made here and never pulled. */
export const POD_IMAGE = 'podlace.dev/lab/pod:local'

/** What every container runs unless told otherwise: nothing, until it is killed. */
const IDLE = ['/bin/sleep', 'infinity']

export interface ImageContent {
  /** A statically linked busybox. */
  readonly busybox: Uint8Array
  /** Names of its applets, which become links to it. */
  readonly applets: readonly string[]
}

/**
 * An image with busybox in one layer, as an archive that `ctr image import` takes (the format of `docker save`:
 * `manifest.json`, a configuration of the OCI image specification, layers).
 */
export function packImage(content: ImageContent): Buffer {
  const layer = packTar(rootMembers(content))
  const config = json({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: IDLE },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
  })
  const manifest = json([{ Config: 'config.json', RepoTags: [POD_IMAGE], Layers: ['layer.tar'] }])
  return packTar([file('manifest.json', manifest), file('config.json', config), file('layer.tar', layer)])
}

function rootMembers({ busybox, applets }: ImageContent): TarMember[] {
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var']
  return [
    ...directories.map(path => ({ path, type: 'directory', mode: path === 'tmp' ? 0o1777 : 0o755 }) as const),
    file('etc/passwd', Buffer.from('root:x:0:0:root:/root:/bin/sh\n')),
    file('etc/group', Buffer.from('root:x:0:\n')),
    file('bin/busybox', busybox, 0o755),
    ...applets
      .filter(name => name !== 'busybox')
      .map(name => ({ path: `bin/${name}`, type: 'symlink', target: 'busybox' }) as const),
  ]
}

function file(path: string, content: Uint8Array, mode = 0o644): TarMember {
  return { path, type: 'file', mode, content }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
