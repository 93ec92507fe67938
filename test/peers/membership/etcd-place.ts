import { EtcdMembership } from '../../../src/agent/etcd/index.ts'
import { silentLogger } from '../../../src/base/index.ts'
import type { EtcdClient } from '../../../src/etcd/index.ts'
import { EtcdServer } from '../etcd-server.ts'
import {
  type Announced,
  addressOf,
  flannelBlock,
  LEASE_SECONDS,
  type Macs,
  NETWORK,
  NETWORK6,
  nodeName,
} from './names.ts'
import { type Membership, Place, type PlaceOptions } from './place.ts'
import type { Wire } from './wire.ts'

const PREFIX = '/coreos.com/network'
const SUBNETS = `${PREFIX}/subnets`
const SUBNET_FILE = '/run/flannel/subnet.env'

/** Values that are no lease, each in another way. */
const BAD_VALUES = [
  '{"PublicIP":',
  '[]',
  '{"PublicIP":"not an address","BackendType":"vxlan"}',
  '{"PublicIP":"192.168.77.9","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"01:00:5e:00:00:01"}}',
  '{"PublicIP":"192.168.77.9","BackendType":"vxlan","BackendData":null}',
  ' '.repeat(10_000),
]
/** Keys that name no block. */
const BAD_KEYS = ['10.5.7.0-33', '__proto__', 'x/../10.5.8.0-24&', '']

/** flannel's etcd: nodes give themselves blocks, and hold them by leases. */
export class EtcdPlace extends Place {
  readonly scribbles = BAD_VALUES.length
  private readonly server: EtcdServer
  /** An administrator's, and flannel's. */
  private readonly client: EtcdClient

  static async start(options: PlaceOptions): Promise<EtcdPlace> {
    const place = new EtcdPlace(options, await EtcdServer.start())
    await place.changeVni(1)
    return place
  }

  private constructor(options: PlaceOptions, server: EtcdServer) {
    super(options)
    this.server = server
    this.client = server.client()
  }

  async flannel(n: number, macs: Macs = {}): Promise<void> {
    await this.put(this.flannelBlocks(n).join(' '), this.flannelsWords(this.flannelNode(n, macs)))
  }

  async flannelTakes(n: number, block: string): Promise<void> {
    await this.put(block, this.flannelsWords(this.flannelNode(n)))
  }

  async scribble(n: number, which: number): Promise<void> {
    await this.put(flannelBlock(n), BAD_VALUES[which] ?? '')
    for (const key of BAD_KEYS) await this.client.put(`${SUBNETS}/${key}`, BAD_VALUES[which] ?? '')
  }

  async remove(n: number): Promise<void> {
    const { kvs } = await this.client.list(`${SUBNETS}/`)
    for (const { key, value } of kvs) if (value.includes(`"${addressOf(n)}"`)) await this.client.delete(key)
  }

  async written(block: string): Promise<unknown> {
    return (await this.client.get(keyOf(block)))?.value
  }

  /** The bytes that flannel writes. */
  flannelsWords({ address, mac, six }: Announced): string {
    const data = `"BackendData":{"VNI":1,"VtepMAC":"${mac}"}`
    if (six === undefined) return `{"PublicIP":"${address}","PublicIPv6":null,"BackendType":"vxlan",${data}}`
    const data6 = `"BackendV6Data":{"VNI":1,"VtepMAC":"${six.mac}"}`
    return `{"PublicIP":"${address}","PublicIPv6":"${six.address}","BackendType":"vxlan",${data},${data6}}`
  }

  /** It has no more time than this, and does not ask for any. */
  async flannelWithoutRenewal(n: number, seconds: number): Promise<void> {
    await this.put(flannelBlock(n), this.flannelsWords(this.flannelNode(n)), seconds)
  }

  async changeVni(vni: number): Promise<void> {
    const limits = { SubnetMin: '10.5.1.0', SubnetMax: '10.5.150.0' }
    const six = this.isDual ? { EnableIPv6: true, IPv6Network: NETWORK6 } : {}
    const config = { Network: NETWORK, ...six, ...limits, Backend: { Type: 'vxlan', VNI: vni } }
    await this.client.put(`${PREFIX}/config`, JSON.stringify(config))
  }

  async kill(): Promise<void> {
    await this.server.kill()
  }

  async revive(): Promise<void> {
    await this.server.restart()
  }

  /** As it is now; to be restored once. */
  backUp(): () => Promise<void> {
    const backup = this.server.backUp()
    return () => this.server.restore(backup)
  }

  async compact(): Promise<void> {
    await this.client.compact((await this.client.list('/')).revision)
  }

  protected get port(): number {
    return Number(new URL(this.server.url).port)
  }

  protected async membership(n: number, wire: Wire): Promise<Membership> {
    const { clock, timeoutMs } = this
    const files = new Map<string, string>()
    const membership = new EtcdMembership({
      etcd: this.server.client({ endpoints: [`http://127.0.0.1:${wire.port}`], clock, timeoutMs }),
      prefix: PREFIX,
      nodeName: nodeName(n),
      configName: 'default',
      publicAddress: addressOf(n),
      uplinkAddress: addressOf(n),
      masquerading: { masquerade: true },
      bootId: 'boot-1',
      ttlSeconds: LEASE_SECONDS,
      readSubnetFile: () => files.get(SUBNET_FILE) ?? '',
      clock,
      // Nodes that come at one moment all want the same block.
      random: () => 0,
      log: silentLogger,
    })
    return {
      through: membership.store,
      files,
      subnetFile: SUBNET_FILE,
      noNode: () => membership.noNode,
      join: node => membership.join(node.bench.agent),
    }
  }

  protected async end(): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  /** As flannel does: a new lease, and the key bound to it. */
  private async put(blocks: string, value: string, seconds = 86_400): Promise<void> {
    await this.client.put(keyOf(blocks), value, await this.client.grantLease(seconds))
  }
}

/** @param blocks of two families with a space between */
function keyOf(blocks: string): string {
  return `${SUBNETS}/${blocks.replaceAll('/', '-').replace(' ', '&')}`
}
