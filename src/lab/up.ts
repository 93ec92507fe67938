import { randomBytes } from 'node:crypto'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { bootId, makeDirectory } from '../sys/index.ts'
import { startApiServer, startController, startWorkload } from './daemons.ts'
import { withLabLock } from './directory.ts'
import { destroyLab } from './down.ts'
import { labError, throwIfInterrupted } from './errors.ts'
import { checkKernelFor } from './kernel-links.ts'
import { Lab, type LabEnvironment } from './lab.ts'
import { labPaths } from './layout.ts'
import { makeControl, makeNode, nodeReady, planNode, registerNode, startDaemons } from './nodes.ts'
import { nextPodName, startPod } from './pods.ts'
import { checkBuilt, checkTools, installProgram } from './program.ts'
import { type LabSettings, NODE_BLOCK_LENGTH } from './settings.ts'
import { readState, StateFile } from './state.ts'
import { startUnderlay } from './underlay.ts'

const TOOLS = ['ip', 'bridge', 'unshare', 'nsenter', 'setpriv', 'mount']
const RUNTIME_TOOLS = { namespace: [], containerd: ['containerd', 'ctr', 'runc', 'busybox'] }

/**
 * Builds a lab: underlay, control, nodes with their agents, pods. Whatever goes wrong (an error, Ctrl-C), all of it
 * is undone before the error comes out.
 *
 * @throws LabError `lab.exists` if there is a lab of this name; it is left as it is
 */
export async function labUp(environment: LabEnvironment, settings: LabSettings): Promise<Lab> {
  checkTools([...TOOLS, ...RUNTIME_TOOLS[settings.runtime]], `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`)
  checkBuilt(environment.packageRoot)
  await checkKernelFor(settings.backend)
  const { clock, signal, root } = environment
  return withLabLock(root, settings.name, { clock, signal, timeoutMs: 10_000 }, async () => {
    const found = readState(root, settings.name)
    if (found !== undefined) throw labExists(found.settings, found.phase)
    const lab = createLab(environment, settings)
    try {
      await build(lab)
      lab.file.update({ phase: 'up' })
      return lab
    } catch (error) {
      environment.progress('undoing what was made')
      await destroyLab(environment, settings.name, lab.state)
      // Ctrl-C makes all sorts of things fail; it is not they that must be told.
      throwIfInterrupted(signal)
      throw error
    }
  })
}

/** The directory and the state file: from here on `down` can find everything. */
function createLab(environment: LabEnvironment, settings: LabSettings): Lab {
  const paths = labPaths(environment.root, settings.name)
  rmSync(paths.directory, { recursive: true, force: true }) // a directory without a state holds nothing
  makeDirectory(paths.directory)
  makeDirectory(paths.logs)
  writeFileSync(paths.token, `${randomBytes(24).toString('hex')}\n`)
  chmodSync(paths.token, 0o600)
  const file = StateFile.create(paths.state, {
    version: 1,
    bootId: bootId(),
    createdAt: new Date(environment.clock.wallMs()).toISOString(),
    phase: 'building',
    settings,
    processes: [],
    nodes: [],
    pods: [],
  })
  return new Lab(environment, file)
}

async function build(lab: Lab): Promise<void> {
  const { environment, state } = lab
  const { settings } = state
  installProgram(environment.packageRoot, environment.nodeBinary, lab.paths.program)
  environment.progress('making the underlay')
  lab.file.setProcess('underlay', await startUnderlay(settings.segments, lab.processEnvironment()))
  await makeControl(lab)
  await startApiServer(lab)
  await createNetworkConfig(lab)
  await startController(lab)
  await startNodes(lab)
  await startWorkload(lab)
  await startPods(lab)
}

/** Agents start side by side; each is waited for. */
async function startNodes(lab: Lab): Promise<void> {
  for (let count = 0; count < lab.state.settings.nodes; count += 1) {
    throwIfInterrupted(lab.environment.signal)
    const node = planNode(lab)
    lab.file.update({ nodes: [...lab.state.nodes, node] })
    await makeNode(lab, node)
    await registerNode(lab, node)
    await startDaemons(lab, node)
  }
  lab.environment.progress('waiting for the agents')
  for (const node of lab.state.nodes) await nodeReady(lab, node)
}

async function startPods(lab: Lab): Promise<void> {
  for (const node of lab.state.nodes) {
    for (let count = 0; count < lab.state.settings.podsPerNode; count += 1) {
      throwIfInterrupted(lab.environment.signal)
      await startPod(lab, node, nextPodName(lab))
    }
  }
}

/** The pod network's parameters as flannel's defaults have them. */
async function createNetworkConfig(lab: Lab): Promise<void> {
  const { network } = lab.state.settings
  await lab.api().create('NetworkConfig', {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'NetworkConfig',
    metadata: { name: 'default' },
    spec: {
      network,
      subnetLength: NODE_BLOCK_LENGTH,
      backend: backendSpec(lab.state.settings),
      masquerade: true,
    },
  })
}

function backendSpec({ backend, directRouting }: LabSettings): Readonly<Record<string, unknown>> {
  const mayRoute = backend === 'vxlan' || backend === 'ipip'
  return { type: backend, ...(mayRoute ? { directRouting } : {}) }
}

function labExists(settings: LabSettings, phase: string) {
  const { name, nodes, backend } = settings
  const what =
    phase === 'up'
      ? `lab ${name} is up already (${nodes} nodes, ${backend}); nothing was changed`
      : `lab ${name} is there but not whole (${phase}: a command was killed); nothing was changed`
  const message = `${what}. \`podlace lab down --name ${name}\` removes it`
  return labError(`make lab ${name}`, message, { code: 'lab.exists', lab: name, phase })
}
