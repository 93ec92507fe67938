import { type Clock, errorText } from '../base/index.ts'
import type { CniRuntime, JsonObject } from '../cni/index.ts'
import { CriClient } from '../cri/index.ts'
import { ApiClient } from './api-client.ts'
import { nodeCgroup } from './containerd/cgroups.ts'
import { ContainerdRuntime } from './containerd/containerd-runtime.ts'
import { labError } from './errors.ts'
import { fromMachine, netnsPath } from './holder.ts'
import { LAB_VARIABLE, type LabPaths, labPaths, NODE_PATHS, segment } from './layout.ts'
import { NamespaceRuntime } from './namespace-runtime.ts'
import type { PodRuntime } from './pod-runtime.ts'
import { isAlive, type ProcessIdentity } from './process-identity.ts'
import { attachedResult, nodeRuntime } from './runtime.ts'
import {
  type LabNode,
  type LabPod,
  type LabState,
  listLabs,
  processOf,
  readState,
  StateFile,
} from './state.ts'
import { NoUseWaiting, type WaitOptions, waitFor } from './wait.ts'
import { WorkloadClient } from './workload/client.ts'

/** What the commands of a lab are given from outside. */
export interface LabEnvironment {
  /** Directory of all labs; `/run/podlace-lab`. */
  readonly root: string
  /** Where `dist/` and `build/` are. */
  readonly packageRoot: string
  /** The Node binary that runs agents and servers. */
  readonly nodeBinary: string
  readonly clock: Clock
  /** Uniform in [0, 1): ids. */
  readonly random: () => number
  /** Aborts when the user wants to stop. */
  readonly signal: AbortSignal
  /** Tells what is being done now, for a progress line. */
  readonly progress: (text: string) => void
}

/** A lab that exists, as the commands work with it. */
export class Lab {
  readonly environment: LabEnvironment
  readonly paths: LabPaths
  readonly file: StateFile

  constructor(environment: LabEnvironment, file: StateFile) {
    this.environment = environment
    this.file = file
    this.paths = labPaths(environment.root, file.state.settings.name)
  }

  /** @throws LabError `lab.unknown` naming the labs that there are */
  static open(environment: LabEnvironment, name: string): Lab {
    const state = readState(environment.root, name)
    if (state === undefined) throw unknownLab(environment.root, name)
    return new Lab(environment, new StateFile(labPaths(environment.root, name).state, state))
  }

  get state(): LabState {
    return this.file.state
  }

  get name(): string {
    return this.state.settings.name
  }

  /** The environment of every process of the lab: small, and with the lab's mark. */
  processEnvironment(): Record<string, string> {
    const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin`
    // By this one a test run recognises what it has left behind.
    const testRun = process.env['PODLACE_TEST_RUN']
    return {
      PATH: path,
      HOME: '/',
      LANG: 'C.UTF-8',
      [LAB_VARIABLE]: this.paths.directory,
      ...(testRun === undefined ? {} : { PODLACE_TEST_RUN: testRun }),
    }
  }

  /** A recorded process that lives. @throws LabError `lab.ended` */
  process(role: string): ProcessIdentity {
    const identity = processOf(this.state, role)
    if (identity !== undefined && isAlive(identity)) return identity
    const message = `${role} of lab ${this.name} is not running; \`podlace lab down --name ${this.name}\` clears what is left`
    throw labError(`find ${role}`, message, { code: 'lab.ended', role, log: [] })
  }

  holder(node: LabNode): ProcessIdentity {
    return this.process(`node ${node.name}`)
  }

  node(name: string): LabNode {
    const node = this.state.nodes.find(candidate => candidate.name === name)
    return node ?? this.unknownMember('node', name, this.state.nodes)
  }

  pod(name: string): LabPod {
    const pod = this.state.pods.find(candidate => candidate.name === name)
    return pod ?? this.unknownMember('pod', name, this.state.pods)
  }

  podsOf(node: LabNode): LabPod[] {
    return this.state.pods.filter(pod => pod.node === node.name)
  }

  api(): ApiClient {
    return new ApiClient(netnsPath(this.process('control')), this.paths.token)
  }

  /** Calls the node's CNI plugins by hand. */
  runtime(node: LabNode): CniRuntime {
    return nodeRuntime(this.holder(node), this.processEnvironment(), this.environment.clock)
  }

  /** What the plugins answered to the ADD of a pod; undefined if it is not known. */
  attachedResult(pod: LabPod): JsonObject | undefined {
    return attachedResult(this.holder(this.node(pod.node)), pod)
  }

  /** Who runs the node's pods. */
  podRuntime(node: LabNode): PodRuntime {
    const holder = this.holder(node)
    if (this.state.settings.runtime === 'containerd') {
      return new ContainerdRuntime({
        cri: this.cri(node),
        cgroup: nodeCgroup(this.paths.directory, node.name),
      })
    }
    const env = this.processEnvironment()
    return new NamespaceRuntime({ holder, env, cni: this.runtime(node) })
  }

  /** The node's containerd. */
  cri(node: LabNode): CriClient {
    const socketPath = fromMachine(this.holder(node), NODE_PATHS.containerdSocket)
    return new CriClient({ socketPath, clock: this.environment.clock })
  }

  podNetns(pod: LabPod): string {
    return fromMachine(this.holder(this.node(pod.node)), pod.netns)
  }

  /** The node agent's admin socket as seen from the machine. */
  adminSocket(node: LabNode): string {
    return fromMachine(this.holder(node), NODE_PATHS.adminSocket)
  }

  async workload(): Promise<WorkloadClient> {
    try {
      return await WorkloadClient.open(this.paths.workloadSocket)
    } catch (error) {
      const message = `cannot reach the workload process of lab ${this.name}: ${errorText(error)}; see ${this.paths.log('workload')}`
      throw labError(
        'reach the workload process',
        message,
        { code: 'lab.workload', request: 'connect' },
        error,
      )
    }
  }

  /** Waits for what `role` should bring about; gives up at once if that process has ended. */
  waitFor<T>(
    what: string,
    role: string,
    timeoutMs: number,
    look: () => Promise<T | undefined> | T | undefined,
  ): Promise<T> {
    const { clock, signal } = this.environment
    const logFile = this.paths.log(role)
    const options: WaitOptions = { clock, signal, timeoutMs, logFile }
    return waitFor(what, options, () => {
      const identity = processOf(this.state, role)
      if (identity === undefined || !isAlive(identity)) throw new NoUseWaiting(`${role} has ended`)
      return look()
    })
  }

  /** The segment a node is plugged into. */
  segmentOf(node: LabNode) {
    return segment(node.segment)
  }

  /** @throws LabError `lab.member-exists` if a node or pod of the lab has the name */
  refuseTaken(name: string): void {
    const kind = this.state.nodes.some(node => node.name === name) ? 'node' : 'pod'
    if (kind === 'pod' && !this.state.pods.some(pod => pod.name === name)) return
    const message = `lab ${this.name} has a ${kind} ${name} already; nothing was changed`
    throw labError(`add ${name}`, message, { code: 'lab.member-exists', lab: this.name, member: name })
  }

  private unknownMember(kind: string, member: string, known: readonly { readonly name: string }[]): never {
    const names = known.map(({ name }) => name).join(', ')
    const message = `lab ${this.name} has no ${kind} ${JSON.stringify(member)}; it has ${names === '' ? 'none' : names}`
    throw labError(`find ${kind} ${member}`, message, { code: 'lab.unknown-member', lab: this.name, member })
  }
}

function unknownLab(root: string, name: string) {
  const known = listLabs(root)
  const there = known.length === 0 ? 'there is none' : `there is ${known.join(', ')}`
  const message = `there is no lab ${JSON.stringify(name)} (${there}); \`podlace lab up --name ${name}\` makes it`
  return labError(`find lab ${name}`, message, { code: 'lab.unknown', lab: name, known })
}
