import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { LinkFaults, SimWatchStream } from './index.ts'
import { type Client, World } from './testing.ts'

/** Plain data, so that a failure shrinks and prints. */
type Command =
  | readonly ['write' | 'delete', number]
  | readonly ['wait', number]
  | readonly ['set', Partial<LinkFaults>]
  | readonly ['hurt', 'end' | 'breakOff' | 'expire' | 'repeatLast' | 'swapNext' | 'goBack' | 'tear']
  | readonly ['server', 'compact' | 'restart' | 'stop' | 'start']
  | readonly ['restore', number]
  | readonly ['pause' | 'resume' | 'heal']

const faults: readonly Partial<LinkFaults>[] = [
  { partition: 'both' },
  { partition: 'answers' },
  { partition: 'none' },
  { slowMs: 3_000 },
  { watchLagMs: 3_000 },
  { refusal: { status: 503, retryAfterSeconds: 5 } },
  { refusal: { status: 500, afterWork: true } },
  { lists: 'fail' },
  { lists: 'stale', staleBy: 3 },
  { watches: 'refused' },
  { watches: 'expired' },
  { bookmarksOnly: true },
]

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom('write', 'write', 'delete'), fc.nat(4)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('wait'), fc.constantFrom(1, 50, 1_000, 15_000, 130_000)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('set'), fc.constantFrom(...faults)) },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant('hurt'),
      fc.constantFrom('end', 'breakOff', 'expire', 'repeatLast', 'swapNext', 'goBack', 'tear'),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('server'), fc.constantFrom('compact', 'restart', 'stop', 'start')),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('pause', 'resume', 'heal')) },
)
const restore: fc.Arbitrary<Command> = fc.tuple(fc.constant('restore'), fc.integer({ min: 1, max: 8 }))

async function carryOut(world: World, client: Client, [what, how]: Command, serial: number): Promise<void> {
  const { server } = world
  if (what === 'write') await world.node(`n${how}`, String(serial))
  else if (what === 'delete') await server.store.delete('Node', `n${how}`).catch(() => undefined)
  else if (what === 'wait') await world.run(how)
  else if (what === 'set') client.link.set(how)
  else if (what === 'hurt') for (const watch of client.link.watches) hurt(watch, how)
  else if (what === 'server') server[how]()
  else if (what === 'restore') server.restore(how)
  else if (what === 'heal') server.heal()
  else client.clock[what]()
}

function hurt(watch: SimWatchStream, how: Extract<Command, readonly ['hurt', string]>[1]): void {
  watch[how]()
}

/** Runs the commands at a fresh world, heals everything, and demands that the client knows what the server knows. */
async function live(
  seed: number,
  commands: readonly Command[],
  watch?: (client: Client) => void,
): Promise<void> {
  const world = new World(seed)
  await world.node('n0')
  const client = world.client()
  watch?.(client)
  for (const [serial, next] of commands.entries()) await carryOut(world, client, next, serial)
  client.clock.resume()
  world.server.heal()
  await world.run(300_000)
  await world.assertFollows(client)
}

/** Nothing is taken away while the store cannot be heard, and no object becomes an older one. */
function demandSafety({ source, informer }: Client): void {
  source.subscribe(changes => {
    for (const { key, before, after } of changes) {
      assert.ok(informer.connected, `${key} changed while disconnected`)
      if (before === undefined || after === undefined) continue
      const [old, now] = [before, after].map(object => Number(object.metadata.resourceVersion))
      assert.ok((now ?? 0) > (old ?? 0), `${key} went from ${old} to ${now}`)
    }
  })
}

describe('an informer over any line', () => {
  it('never goes back in time, and knows what the server knows after healing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(command, { maxLength: 30 }), (seed, commands) =>
        live(seed, commands, demandSafety),
      ),
      { numRuns: 100 },
    )
  })

  it('follows a server that is restored from a backup now and then', async () => {
    const commands = fc.array(
      fc.oneof({ weight: 8, arbitrary: command }, { weight: 1, arbitrary: restore }),
      {
        maxLength: 30,
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(), commands, (seed, list) => live(seed, list)),
      { numRuns: 100 },
    )
  })
})
