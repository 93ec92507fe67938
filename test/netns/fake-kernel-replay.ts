import { diff } from '../../src/kernel/diff.ts'
import { entryKey, type ObservedEntry, type Operation } from '../../src/kernel/index.ts'
import type { Command } from './fake-kernel-commands.ts'
import type { Side } from './fake-kernel-sides.ts'
import { differences } from './fake-kernel-story.ts'

type Seen = ReadonlyMap<string, ObservedEntry>

/** Carries the list out on both sides and compares after each command. Returns how they parted, if they do. */
export async function replay(
  list: readonly Command[],
  fake: Side,
  real: Side,
): Promise<readonly string[] | undefined> {
  let before = await seen(fake)
  for (const [i, command] of list.entries()) {
    const now = await seen(fake)
    const plan = planOf(command, now, before)
    for (const side of [fake, real]) {
      await (command.do === 'foreign' ? side.perform(command.act) : side.apply(plan))
    }
    const found = differences(await fake.story(), await real.story())
    const text = JSON.stringify(command.do === 'foreign' ? command.act : plan)
    if (found.length > 0) return [`after command ${i}: ${text}`, ...found]
    before = now
  }
  return undefined
}

/** What we do at a command, with what was seen now, or before the last command. */
function planOf(command: Command, now: Seen, earlier: Seen): readonly Operation[] {
  if (command.do === 'foreign') return []
  const known = command.stale ? earlier : now
  return command.do === 'plan'
    ? diff(new Map(command.desired.map(entry => [entryKey(entry), entry])), known).operations
    : [singleOperation(command, known)]
}

function singleOperation({ op, entry }: Extract<Command, { do: 'apply' }>, known: Seen): Operation {
  if (op === 'create') return { op, entry, why: 'missing' }
  return { op, entry, before: known.get(entryKey(entry))?.entry ?? entry, why: 'differs' }
}

async function seen(side: Side): Promise<Seen> {
  return new Map((await side.observe()).map(item => [entryKey(item.entry), item]))
}
