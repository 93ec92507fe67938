import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as v from 'valibot'
import { errorText, ifThere, issuesText } from '../base/index.ts'
import { labError } from './errors.ts'
import { labPaths } from './layout.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { LAB_BACKENDS } from './settings.ts'

const identity = { pid: v.number(), startTicks: v.number() }

const processSchema = v.object({
  /** `underlay`, `control`, `apiserver`, `controller`, `workload`, and of a node `node node-1`, `agent node-1`, `containerd node-1`. */
  role: v.string(),
  ...identity,
})

const nodeSchema = v.object({
  name: v.string(),
  /** Counts from 1; decides the node's address and segment. */
  number: v.number(),
  /** Underlay address, without prefix length. */
  address: v.string(),
  segment: v.number(),
})

const podSchema = v.object({
  name: v.string(),
  node: v.string(),
  /** CNI_CONTAINERID; empty until its runtime has started it. */
  containerId: v.string(),
  /** Path of its network namespace inside its node; empty until then. */
  netns: v.string(),
  /** What ADD answered, without prefix length; empty until then. */
  addresses: v.array(v.string()),
  /** The first process of its container, if it has one. */
  process: v.exactOptional(v.object(identity)),
})

const stateSchema = v.object({
  version: v.literal(1),
  /** A pid and start time mean nothing after a reboot. */
  bootId: v.string(),
  /** Wall time, RFC 3339. */
  createdAt: v.string(),
  /** `building` until everything of `up` is there; `removing` from the beginning of `down`. */
  phase: v.picklist(['building', 'up', 'removing']),
  settings: v.object({
    name: v.string(),
    nodes: v.number(),
    backend: v.picklist(LAB_BACKENDS),
    podsPerNode: v.number(),
    runtime: v.picklist(['namespace', 'containerd']),
    segments: v.number(),
    network: v.string(),
    directRouting: v.boolean(),
  }),
  processes: v.array(processSchema),
  nodes: v.array(nodeSchema),
  pods: v.array(podSchema),
})

/** Everything a later command needs to know of a lab: the content of its `state.json`. */
export type LabState = v.InferOutput<typeof stateSchema>
export type LabNode = v.InferOutput<typeof nodeSchema>
export type LabPod = v.InferOutput<typeof podSchema>

/**
 * A lab's state in memory and on disk, in step: every change is written (atomically: the file is always whole)
 * before the next thing is made, so that `down` finds whatever a killed command left.
 */
export class StateFile {
  private readonly path: string
  private current: LabState

  constructor(path: string, state: LabState) {
    this.path = path
    this.current = state
  }

  static create(path: string, state: LabState): StateFile {
    const file = new StateFile(path, state)
    file.write()
    return file
  }

  get state(): LabState {
    return this.current
  }

  update(change: Partial<LabState>): void {
    this.current = { ...this.current, ...change }
    this.write()
  }

  /** Records a process under a role; it replaces an earlier one of that role. */
  setProcess(role: string, identity: ProcessIdentity | undefined): void {
    const others = this.current.processes.filter(process => process.role !== role)
    this.update({ processes: identity === undefined ? others : [...others, { role, ...identity }] })
  }

  /** Adds or replaces a pod. */
  setPod(pod: LabPod): void {
    this.update({ pods: [...this.current.pods.filter(other => other.name !== pod.name), pod] })
  }

  removePod(name: string): void {
    this.update({ pods: this.current.pods.filter(pod => pod.name !== name) })
  }

  private write(): void {
    const temporary = join(dirname(this.path), `.${basename(this.path)}.new`)
    const fd = openSync(temporary, 'w', 0o644)
    try {
      writeSync(fd, `${JSON.stringify(this.current, undefined, 2)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, this.path)
  }
}

/** The state of a lab, or undefined if there is no such lab. @throws LabError `lab.state-corrupt` */
export function readState(root: string, name: string): LabState | undefined {
  const { state: path } = labPaths(root, name)
  let text: string | undefined
  try {
    text = ifThere(() => readFileSync(path, 'utf8'))
  } catch (error) {
    throw corrupt(path, errorText(error))
  }
  return text === undefined ? undefined : parseState(path, text)
}

export function parseState(path: string, text: string): LabState {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw corrupt(path, errorText(error))
  }
  const result = v.safeParse(stateSchema, json)
  if (result.success) return result.output
  throw corrupt(path, issuesText(result.issues))
}

/** Names of the labs that have a directory, whatever their condition. */
export function listLabs(root: string): string[] {
  try {
    const entries = readdirSync(root, { withFileTypes: true })
    return entries
      .filter(entry => entry.isDirectory())
      .map(entry => entry.name)
      .sort()
  } catch {
    return []
  }
}

/** The identity recorded for a role. */
export function processOf(state: LabState, role: string): ProcessIdentity | undefined {
  return state.processes.find(process => process.role === role)
}

function corrupt(path: string, reason: string) {
  const message = `the lab's state ${path} cannot be used: ${reason}; \`podlace lab down --name ${basename(dirname(path))}\` removes what is left of it`
  return labError('read the state of a lab', message, { code: 'lab.state-corrupt', path, reason })
}
