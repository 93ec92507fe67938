import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { makeDirectory } from '../sys/index.ts'
import { labError } from './errors.ts'

/** What a node needs of the build, relative to the package's root; the same layout is kept below /opt/podlace. */
const PROGRAM_FILES = [
  'dist/podlace.mjs',
  'build/podlace.node',
  'build/podlace-cni',
  'build/podlace-udp',
] as const

/** The package this code belongs to: found from the source tree (src/lab) as well as from the bundle (dist). */
export function packageRoot(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory)
    if (parent === directory) throw new Error(`no package.json above ${import.meta.dirname}`)
    directory = parent
  }
  return directory
}

/** @throws LabError `lab.not-built` naming what is missing. */
export function checkBuilt(root: string): void {
  const files = PROGRAM_FILES.filter(file => !existsSync(join(root, file)))
  if (files.length === 0) return
  const message = `the lab runs the built program, and ${files.join(', ')} is not there: run \`npm run build\` in ${root}`
  throw labError('find the program', message, { code: 'lab.not-built', files })
}

/**
 * Copies bundle, addon and shim to the lab's directory, readable by everybody: the checkout may lie under a home
 * that only root may enter, and a build while the lab runs must not change what runs. A Node binary that other users
 * may not execute is copied too.
 */
export function installProgram(root: string, nodeBinary: string, target: string): void {
  // The bundle imports the chunks beside it.
  const chunks = readdirSync(join(root, 'dist')).filter(name => name.endsWith('.mjs'))
  for (const file of new Set([...PROGRAM_FILES, ...chunks.map(name => `dist/${name}`)])) {
    const to = join(target, file)
    makeDirectory(dirname(to))
    copyFileSync(join(root, file), to)
    chmodSync(to, 0o755)
  }
  const node = join(target, 'node')
  const copy = (statSync(nodeBinary).mode & 0o005) !== 0o005
  // Otherwise an empty file: the mount point for the binary itself, which has some 120 MB.
  if (copy) copyFileSync(nodeBinary, node)
  else writeFileSync(node, '')
  chmodSync(node, 0o755)
}

/** The Node binary to mount in the nodes of a lab: the copy of {@link installProgram} if it had to make one. */
export function nodeToMount(target: string, nodeBinary: string): string {
  const copy = join(target, 'node')
  return statSync(copy).size > 0 ? copy : nodeBinary
}

/** @throws LabError `lab.tool-missing` naming all that are not on PATH. */
export function checkTools(tools: readonly string[], path: string = process.env['PATH'] ?? ''): void {
  const missing = tools.filter(tool => !onPath(tool, path))
  if (missing.length === 0) return
  const message = `the lab needs ${missing.join(', ')}, which ${missing.length === 1 ? 'is' : 'are'} not installed: \`apt-get install iproute2 nftables util-linux iperf3\`, for containerd also containerd runc busybox-static`
  throw labError('find the tools', message, { code: 'lab.tool-missing', tools: missing })
}

export function onPath(tool: string, path: string): boolean {
  return path.split(delimiter).some(directory => {
    try {
      accessSync(join(directory, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
