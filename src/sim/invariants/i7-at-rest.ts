import { entryKey } from '../../kernel/index.ts'
import { missingOn } from './converged.ts'
import type { Invariant } from './invariant.ts'

export const convergedAtRest: Invariant = {
  name: 'I7',
  words: 'at rest observed equals desired, and a second pass writes nothing',
  watch(world) {
    let written: string | undefined
    let probing = false
    world.listeners.push({
      onOperation({ machine }, _process, { op, entry }) {
        if (probing) written ??= `the second pass of ${machine.name} does: ${op} ${entryKey(entry)}`
      },
    })
    return {
      atRest: () =>
        firstFault(
          world.hosts.map(
            ({ machine }) =>
              () =>
                missingOn(machine),
          ),
        ),
      probe() {
        probing = true
        for (const { machine } of world.hosts) void machine.listening?.agent?.reconciler.audit()
      },
      verdict() {
        probing = false
        return written
      },
    }
  },
}

/** Entries that others take away while the agent's eyes are shut: its event socket overflows, its first try is refused. */
export const repairedSoon: Invariant = {
  name: 'I7',
  words:
    'what another program takes away is back within seconds, also if the event was lost or the first try failed',
  watch: world => ({
    probe() {
      for (const [index, { machine }] of world.hosts.entries()) {
        machine.luck.slipIn(1)
        if (index % 2 === 0) machine.overflow(0, 0)
        else machine.actForeign(0, 0)
      }
    },
    verdict: () =>
      firstFault(
        world.hosts.map(
          ({ machine }) =>
            () =>
              missingOn(machine),
        ),
      ),
  }),
}

function firstFault(questions: readonly (() => string | undefined)[]): string | undefined {
  for (const ask of questions) {
    const fault = ask()
    if (fault !== undefined) return fault
  }
  return undefined
}
