import { readFileSync, writeFileSync } from 'node:fs'
import { errorText } from '../../base/index.ts'
import { commandOutput } from '../command.ts'
import { labError } from '../errors.ts'
import { fromMachine, inside, startDaemon } from '../holder.ts'
import type { Lab } from '../lab.ts'
import { NODE_PATHS, NODE_VARIABLE, nodeMark } from '../layout.ts'
import type { LabNode } from '../state.ts'
import { CONTAINERD_CONFIG } from './config.ts'
import { POD_IMAGE, packImage } from './image.ts'
import { isStatic } from './static-binary.ts'

const BUSYBOX = '/bin/busybox'

const roleOf = (node: LabNode): string => `containerd ${node.name}`

/** Starts containerd on a node, as root in the node's namespaces; returns before it is ready. */
export async function startContainerd(lab: Lab, node: LabNode): Promise<void> {
  const holder = lab.holder(node)
  writeFileSync(fromMachine(holder, NODE_PATHS.containerdConfig), CONTAINERD_CONFIG)
  const argv = [...inside(holder, 'net+mount'), 'containerd', '--config', NODE_PATHS.containerdConfig]
  const env = { ...lab.processEnvironment(), [NODE_VARIABLE]: nodeMark(lab.paths.directory, node.name) }
  const daemon = await startDaemon(roleOf(node), argv, { logFile: lab.paths.log(roleOf(node)), env })
  lab.file.setProcess(roleOf(node), daemon)
}

/** Resolves when containerd can run pods and has their image. */
export async function containerdReady(lab: Lab, node: LabNode): Promise<void> {
  const cri = lab.cri(node)
  const wait = <T>(what: string, look: () => Promise<T | undefined>) =>
    lab.waitFor(what, roleOf(node), 60_000, look)
  await wait(`containerd of ${node.name} to be ready`, async () => {
    const unmet = (await cri.conditions()).find(({ status }) => !status)
    if (unmet === undefined) return true
    throw new Error(`${unmet.type}: ${unmet.reason} ${unmet.message}`)
  })
  await importImage(lab, node)
  // Its CRI part hears of the image from its image part.
  await wait(`the image of ${node.name}`, async () => ((await cri.hasImage(POD_IMAGE)) ? true : undefined))
}

/** Into the namespace that the CRI looks at. */
async function importImage(lab: Lab, node: LabNode): Promise<void> {
  const address = ['--address', NODE_PATHS.containerdSocket, '--namespace', 'k8s.io']
  const argv = [...inside(lab.holder(node), 'net+mount'), 'ctr', ...address, 'image', 'import', '-']
  await commandOutput(`import the image of the pods on ${node.name}`, argv, {
    env: lab.processEnvironment(),
    stdin: await podImage(),
  })
}

/** The archive of the pods' image, made of the machine's busybox. @throws LabError `lab.tool-missing` */
export async function podImage(): Promise<Buffer> {
  return packImage({ busybox: readBusybox(), applets: await applets() })
}

async function applets(): Promise<string[]> {
  const names = await commandOutput('list the applets of busybox', [BUSYBOX, '--list'])
  return names.split('\n').filter(name => name !== '')
}

function readBusybox(): Buffer {
  let problem = 'it needs other files, and the image has none: take the statically linked one'
  try {
    const program = readFileSync(BUSYBOX)
    if (isStatic(program)) return program
  } catch (error) {
    problem = errorText(error)
  }
  const message = `the image of the pods is made of ${BUSYBOX}, which cannot be used: ${problem}; \`apt-get install busybox-static\``
  throw labError('make the image of the pods', message, { code: 'lab.tool-missing', tools: ['busybox'] })
}
