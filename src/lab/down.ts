import { existsSync, rmSync } from 'node:fs'
import { errorText, hasCode } from '../base/index.ts'
import { bootId } from '../sys/index.ts'
import { labCgroup, processesInCgroup, removeCgroup } from './containerd/cgroups.ts'
import { withLabLock } from './directory.ts'
import { labError } from './errors.ts'
import { Lab, type LabEnvironment } from './lab.ts'
import { LAB_VARIABLE, labPaths } from './layout.ts'
import { isAlive, type ProcessIdentity, processesWithEnvironment, signalProcess } from './process-identity.ts'
import { type LabState, StateFile } from './state.ts'
import { waitFor } from './wait.ts'

/** Removes a lab, whole, half-made or half-dead. @throws LabError `lab.unknown` if there is nothing of that name */
export async function labDown(environment: LabEnvironment, name: string): Promise<void> {
  const { clock, signal, root } = environment
  const { directory, state: path } = labPaths(root, name)
  await withLabLock(root, name, { clock, signal, timeoutMs: 60_000 }, async () => {
    let state: LabState | undefined
    try {
      state = Lab.open(environment, name).state
    } catch (error) {
      // A directory whose state is missing or damaged: its processes are found by their mark.
      const damaged = hasCode(error, 'lab.state-corrupt') || hasCode(error, 'lab.unknown')
      if (!damaged || !existsSync(directory)) throw error
    }
    if (state !== undefined) new StateFile(path, state).update({ phase: 'removing' })
    await destroyLab(environment, name, state)
  })
}

/**
 * Ends every process of the lab and removes its directory. Namespaces, links, mounts and routes live no longer than
 * the processes that hold them, so nothing else needs to be taken apart. Not to be interrupted.
 *
 * @param state what is recorded; without it the processes are found by their mark alone
 */
export async function destroyLab(
  environment: LabEnvironment,
  name: string,
  state: LabState | undefined,
): Promise<void> {
  const { directory } = labPaths(environment.root, name)
  const recorded = state !== undefined && state.bootId === bootId() ? state.processes : []
  const victims = () => [
    ...recorded.filter(isAlive),
    ...processesWithEnvironment(LAB_VARIABLE, directory).filter(isAlive),
    ...processesInCgroup(labCgroup(directory)),
  ]
  // Twice: a process may have been starting another while it was looked for.
  await endProcesses(environment, name, victims)
  await endProcesses(environment, name, victims)
  await removeCgroups(environment, directory)
  rmSync(directory, { recursive: true, force: true })
}

/** Control groups are the machine's and outlive their processes; one is busy until the kernel has buried the last. */
async function removeCgroups({ clock }: LabEnvironment, directory: string): Promise<void> {
  const never = new AbortController().signal
  await waitFor(
    'the control groups of the lab to be empty',
    { clock, signal: never, timeoutMs: 10_000 },
    () => {
      removeCgroup(labCgroup(directory))
      return true
    },
  )
}

async function endProcesses(
  { clock }: LabEnvironment,
  name: string,
  victims: () => ProcessIdentity[],
): Promise<void> {
  const never = new AbortController().signal
  let left: ProcessIdentity[] = []
  try {
    await waitFor('the processes of the lab to end', { clock, signal: never, timeoutMs: 10_000 }, () => {
      left = victims()
      for (const identity of left) signalProcess(identity, 'SIGKILL')
      return left.length === 0 ? true : undefined
    })
  } catch (error) {
    const pids = left.map(({ pid }) => pid).join(', ')
    const message = `processes ${pids} of lab ${name} do not end (${errorText(error)}); run \`podlace lab down --name ${name}\` again`
    throw labError(`remove lab ${name}`, message, { code: 'lab.ended', role: pids, log: [] }, error)
  }
}
