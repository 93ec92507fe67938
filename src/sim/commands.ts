import type { Command, CommandName } from './scenario.ts'
import type { SimLink, WatchedResource } from './wire/index.ts'
import type { Host, World } from './world/world.ts'

/** Does what a command says; one that has no object now does nothing. */
export function carryOut(world: World, [, name, first = 0, second = 0, third = 0]: Command): void {
  const host = world.hosts[first % world.hosts.length]
  const controller = world.controllers[first % world.controllers.length]
  const link = world.links[first % world.links.length]
  switch (name) {
    case 'controller-crash':
      return controller?.crash(second, third)
    case 'controller-pause':
      return controller?.pause(second)
    case 'node-delete':
      return void (host && world.people.deleteNode(host.machine))
    case 'node-vanish':
      if (host !== undefined) onLine(world, host.link, 'only-bookmarks', second, third)
      return void (host && world.people.deleteNode(host.machine))
    case 'rack-out':
      return host && takeRackOut(world, host, second)
    case 'node-create':
      return void (host && world.people.register(host.machine))
    case 'clone':
      if (host !== undefined) onLine(world, host.link, 'cut', second, 0)
      return host && world.clone(host)
    case 'compact':
      return world.server.compact()
    case 'api-restart':
      return world.restartServer(first, 0)
    case 'restore':
      return world.restartServer(first, second)
    default:
      if (host !== undefined) onMachine(world, host, name, second, third)
      if (link !== undefined) onLine(world, link, name, second, third)
  }
}

function onMachine(
  { scheduler }: World,
  { machine, runtime }: Host,
  name: CommandName,
  second: number,
  third: number,
): void {
  const id = `c${second}`
  switch (name) {
    case 'add':
      return void runtime.add(id)
    case 'add-killed':
      return void runtime.add(id, third % 50)
    case 'del':
      return void runtime.del(id, false)
    case 'del-early':
      return void runtime.del(id, true)
    case 'again':
      return void runtime
        .del(id, false)
        .then(() => scheduler.after(third, `${machine.name}: again`, () => void runtime.add(id)))
    case 'check':
      return void runtime.check(id)
    case 'gc':
      return void runtime.collectGarbage()
    case 'crash':
      return machine.crashAgent(second, third)
    case 'restart':
      return void machine.restartAgent(second)
    case 'pause':
      return machine.pauseAgent(second)
    case 'reboot':
      return machine.reboot(second)
    case 'disk-full':
      return machine.fillDisk(second)
    case 'wall-jump':
      return machine.jumpWall(second * 1000)
    case 'foreign':
      return machine.actForeign(second, third)
    case 'overflow':
      return machine.overflow(second, third)
    case 'slip-in':
      return machine.luck.slipIn(second)
  }
}

/** The pods of the two machines go on meanwhile; each may then get the block of the other one's. */
function takeRackOut({ hosts, people, knobs, scheduler }: World, host: Host, lateMs: number): void {
  const pair = [host, hosts[(hosts.indexOf(host) + 1) % hosts.length] ?? host]
  for (const { machine } of pair) void people.deleteNode(machine)
  let backMs = knobs.blockCooldownSeconds * 1000 + lateMs
  for (const { machine } of pair.toReversed()) {
    const register = () => void (machine.on && people.register(machine))
    scheduler.after(backMs, `${machine.name} is registered again`, register)
    backMs += 1_000
  }
}

/** What the argument `watch` of a command means: all of a line, or those of one kind, so that views of different age meet. */
const WATCHED: readonly (WatchedResource | undefined)[] = [undefined, 'nodes', 'podblocks']

function onLine(world: World, link: SimLink, name: CommandName, second: number, third: number): void {
  const { scheduler } = world
  const forAWhile = (begin: () => void, end: () => void) => {
    begin()
    scheduler.after(second, `${link.name}: ${name} ends`, end)
  }
  switch (name) {
    case 'cut':
      return forAWhile(
        () => world.cut(link, 'both'),
        () => world.mend(link),
      )
    case 'cut-answers':
      return forAWhile(
        () => world.cut(link, 'answers'),
        () => world.mend(link),
      )
    case 'slow':
      return forAWhile(
        () => link.set({ slowMs: 500 }),
        () => link.set({ slowMs: 0 }),
      )
    case 'lag':
      return forAWhile(
        () => link.set({ watchLagMs: 10_000, lagging: watched(third) }),
        () => link.set({ watchLagMs: 0 }),
      )
    case 'refuse':
      return forAWhile(
        () => link.set({ refusal: { status: 503 } }),
        () => link.set({ refusal: undefined }),
      )
    case 'refuse-after':
      return forAWhile(
        () => link.set({ refusal: { status: 504, afterWork: true } }),
        () => link.set({ refusal: undefined }),
      )
    case 'lists-fail':
      return forAWhile(
        () => link.set({ lists: 'fail' }),
        () => link.set({ lists: 'good' }),
      )
    case 'lists-stale':
      // One that stays behind for longer than 30 s is taken for a store that was restored from a backup; and nobody can
      // tell an old state from a restored one while the store is really going back.
      if (link.faults.lists === 'stale' || second > 25_000 || world.wasRestored) return
      return forAWhile(
        () => {
          link.set({ lists: 'stale', staleBy: third })
          for (const watch of link.watches) watch.expire()
        },
        () => link.set({ lists: 'good' }),
      )
    case 'watches-refused':
      return forAWhile(
        () => link.set({ watches: 'refused' }),
        () => link.set({ watches: 'good' }),
      )
    case 'watches-expired':
      return forAWhile(
        () => link.set({ watches: 'expired' }),
        () => link.set({ watches: 'good' }),
      )
    case 'only-bookmarks':
      return forAWhile(
        () => link.set({ bookmarksOnly: true, silenced: watched(third) }),
        () => link.set({ bookmarksOnly: false }),
      )
    case 'watch-breaks':
      for (const watch of link.watchesOf(watched(second))) watch.breakOff()
      return
    case 'watch-torn':
      for (const watch of link.watchesOf(watched(second))) watch.tear()
      return
    case 'watch-repeats':
      for (const watch of link.watchesOf(watched(second))) watch.repeatLast()
      return
    case 'watch-goes-back':
      for (const watch of link.watchesOf(watched(second))) watch.goBack()
      return
    case 'watch-reorders':
      for (const watch of link.watchesOf(watched(second))) watch.swapNext()
      return
    case 'watch-expires':
      for (const watch of link.watchesOf(watched(second))) watch.expire()
      return
  }
}

function watched(number: number): WatchedResource | undefined {
  return WATCHED[number % WATCHED.length]
}
