import { describe, test } from 'node:test'
import {
  answersEarly,
  changes,
  holds,
  makesEverything,
  makesTwins,
  movesPeer,
  needsNamespace,
  recreates,
  removes,
  restartWritesNothing,
  waitsForLink,
} from './kernel-suite/converging.ts'
import type { Harness } from './kernel-suite/harness.ts'
import {
  comesAndGoesBack,
  goesWithItsDevice,
  isMissed,
  sparesOthers,
  standsOnHost,
} from './kernel-suite/host-links.ts'
import {
  changesChains,
  knowsChains,
  makesChains,
  removesChains,
  repairsChains,
} from './kernel-suite/iptables.ts'
import {
  adopts,
  deletesManyLinks,
  equalForeign,
  missesTable,
  refuses,
  repairsChanges,
  repairsFlush,
  repairsOffload,
  repairsRedirect,
  repairsRemoval,
  repairsRename,
  repairsTable,
  replaysPeers,
  seesSilentLoss,
  sparesNamesake,
  sparesQdiscs,
  survivesOverflow,
} from './kernel-suite/other-programs.ts'
import { keepsForeignInPod, setsUpPod } from './kernel-suite/pod.ts'
import {
  changesVlans,
  findsThemDone,
  joinsItself,
  keepsDefault,
  keepsForeignVlans,
  makesVlans,
} from './kernel-suite/vlans.ts'
import {
  adoptsTunnel,
  changesTunnel,
  givesEndpointBack,
  keepsSecrets,
  makesTunnel,
  mendsAtAudit,
  removesPeer,
  replaysTunnel,
  rotatesKeys,
} from './kernel-suite/wireguard.ts'
import { World } from './kernel-suite/world.ts'

type CreateHarness = () => Promise<Harness>
type DefineTest = (title: string, body: (world: World) => Promise<void>) => void

/** Tests with a harness of their own that is always closed. */
function testsOn(createHarness: CreateHarness): DefineTest {
  return (title, body) =>
    void test(title, async () => {
      const harness = await createHarness()
      const world = new World(harness)
      try {
        harness.foreign.addDevice('uplink')
        await body(world)
      } finally {
        await world.close()
        harness.close()
      }
    })
}

/** What holds for every `Kernel` and the reconciler on it. */
export function kernelSuite(name: string, createHarness: CreateHarness): void {
  const it = testsOn(createHarness)
  describe(`${name}: converging`, () => {
    it('makes one of everything in a working order, and then rests', makesEverything)
    it('writes nothing when started over what is there', restartWritesNothing)
    it('changes in place what can be, and makes the rest anew', changes)
    it('removes what is no longer desired, and only that', removes)
    it('makes a link anew when a defining attribute changes, with all that hangs on it', recreates)
    it('makes a vxlan link of each family with one VNI on one port', makesTwins)
    it('moves a peer to another underlay address', movesPeer)
    it('holds deletions until they are released', holds)
    it('reports a link that must exist, and goes on when it comes', waitsForLink)
    it('tells outcomes before listeners know of them, who do when it resolves', answersEarly)
    it('wants a namespace for a veth, and converges when run with it', needsNamespace)
  })
  describe(`${name}: other programs`, () => {
    it('adopts a link whose definition matches', adopts)
    it('refuses a foreign link, route, neighbour and table under its keys', refuses)
    it('does nothing to a foreign link in whose place one could not be made', sparesNamesake)
    it('deletes many links at once, and only those', deletesManyLinks)
    it('says that an equal foreign route is not ours', equalForeign)
    it('sees that a foreign route went with the last address of its link', seesSilentLoss)
    it('takes an element whose table is gone for gone', missesTable)
    it('repairs what is removed, of every kind', repairsRemoval)
    it('repairs routes flushed by protocol', repairsFlush)
    it('repairs MAC, MTU, a link set down, and a moved FDB entry', repairsChanges)
    it('keeps a link from leaving checksums to its device', repairsOffload)
    it('replays all peers when the vxlan device is deleted', replaysPeers)
    it('redirects again when the link it leads to was deleted', repairsRedirect)
    it('leaves the qdisc of others alone until one is wanted there', sparesQdiscs)
    it('makes a renamed link anew under its name', repairsRename)
    it('repairs an edited table', repairsTable)
    it('observes again after an overflow', survivesOverflow)
  })
  describe(`${name}: a pod's namespace`, () => {
    it('is set up without being observed, checked, and seen to be damaged', setsUpPod)
    it('keeps what somebody else set up there', keepsForeignInPod)
  })
  describe(`${name}: a pod's links that have to do with the host`, () => {
    it('lie on a device of the host, are checked, and removed', standsOnHost)
    it('go with the device of the host', goesWithItsDevice)
    it('are not made without the namespace, or the device', isMissed)
    it('are moved from the host, and given back', comesAndGoesBack)
    it('are not mistaken for those of others', sparesOthers)
  })
}

/** What holds besides where the kernel has VLANs on bridges. */
export function vlanSuite(name: string, createHarness: CreateHarness): void {
  const it = testsOn(createHarness)
  describe(`${name}: VLANs of bridges`, () => {
    it('gives a port its VLANs and no other, and then rests', makesVlans)
    it('changes them, also many at once, and takes them away', changesVlans)
    it('makes a bridge a member of its own', joinsItself)
    it("keeps those of others on others' ports", keepsForeignVlans)
    it('takes those for done that are there before anybody asked', findsThemDone)
    it('takes the default VLAN from new ports', keepsDefault)
  })
}

/** What holds besides where there is iptables. */
export function iptablesSuite(name: string, createHarness: CreateHarness): void {
  const it = testsOn(createHarness)
  describe(`${name}: chains of iptables`, () => {
    it('are made with what leads to them, and then rest', makesChains)
    it('change in place', changesChains)
    it('are removed, also those of a former life', removesChains)
    it('are repaired when somebody flushes or removes them', repairsChains)
    it('are known: none is made twice, and a missing one is gone', knowsChains)
  })
}

/** What holds besides where there is WireGuard. */
export function wireguardSuite(name: string, createHarness: CreateHarness): void {
  const it = testsOn(createHarness)
  describe(`${name}: WireGuard`, () => {
    it('makes a device and its peers, rests, and writes nothing when started over it', makesTunnel)
    it('changes peers in place, also those that swap prefixes', changesTunnel)
    it('takes new keys, of its own and of a peer', rotatesKeys)
    it('removes a peer', removesPeer)
    it('mends at an audit what another program has set', mendsAtAudit)
    it('gives a peer its endpoint back that has lost it', givesEndpointBack)
    it('makes all anew when the device is deleted', replaysTunnel)
    it('adopts a device that is set up already, and removes the peers that nobody wants', adoptsTunnel)
    it('tells no secret, and names the key that is not there', keepsSecrets)
  })
}
