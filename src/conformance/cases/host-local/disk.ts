import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sleep } from '../../../base/index.ts'
import { flockSync } from '../../../sys/index.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, issue, range } from '../../configs.ts'
import { expectEqual, expectIncludes, expectSuccess } from '../../expect.ts'
import type { PluginReply } from '../../plugin-reply.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

/** The data folder, which other tools read and write as well. */
export const hostLocalDiskCases: readonly ConformanceCase[] = [
  {
    id: 'host-local.disk.file',
    title: 'an address is a file of its name that holds container id, CR LF, interface: other tools read it',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      const { options } = await world.attach(network(world))
      const text = readFileSync(join(world.dataDir, `${world.name}net`, '10.22.0.2'), 'utf8')
      expectEqual('content', text, `${options.containerId}\r\neth0`)
    },
  },
  {
    id: 'host-local.disk.foreign-file',
    title: 'an address that another tool holds by its file is not given away',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      world.leaseFolder({ '10.22.0.2': 'somebody\r\neth0' })
      const { address } = await world.attach(network(world))
      expectEqual('address', address, '10.22.0.3')
    },
  },
  {
    id: 'host-local.disk.last-reserved',
    title: 'last_reserved_ip.0 of an earlier plugin says where the search begins',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      world.leaseFolder({ 'last_reserved_ip.0': '10.22.0.40' })
      const { address } = await world.attach(network(world))
      expectEqual('address', address, '10.22.0.41')
    },
  },
  {
    id: 'host-local.disk.empty-file',
    title: 'an address file that a crash left empty does not hold the address for ever',
    source: issue('plugins', 498),
    needs: NEEDS,
    async run(world) {
      world.leaseFolder({ '10.22.0.2': '' })
      const { address } = await world.attach(network(world, { ranges: [range('10.22.0.0/30')] }))
      expectEqual('address', address, '10.22.0.2')
    },
  },
  {
    id: 'host-local.disk.foreign-content',
    title: 'a file of another kind in the data folder is no obstacle and stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const folder = world.leaseFolder({ README: 'not an address\n' })
      const attachment = await world.attach(network(world))
      await attachment.mustDel()
      expectIncludes('files', readdirSync(folder), 'README')
    },
  },
  {
    id: 'host-local.disk.lock',
    title: 'while another tool holds the lock of the folder, no address is given; then one is',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      const folder = world.leaseFolder({ lock: '' })
      const attachment = await world.attachment(network(world))
      const lock = openSync(join(folder, 'lock'), 'r+')
      let early: string[]
      let reply: Promise<PluginReply>
      try {
        flockSync(lock, 'exclusive', { nonBlocking: true })
        reply = attachment.add()
        // Longer than an ADD takes.
        await sleep(world.clock, 500)
        early = leases(world)
      } finally {
        closeSync(lock)
      }
      expectSuccess(await reply)
      expectEqual('address files while the lock was held', early, [])
      expectEqual('address files afterwards', leases(world), ['10.22.0.2'])
    },
  },
]
