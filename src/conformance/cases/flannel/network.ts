import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { World } from '../../world.ts'

export const DOCS = 'flannel-io/cni-plugin documentation'

type Extra = Readonly<Record<string, unknown>>

/** What flanneld writes for its node. */
export const SUBNET_ENV: Readonly<Record<string, string>> = {
  FLANNEL_NETWORK: '10.30.0.0/16',
  FLANNEL_SUBNET: '10.30.7.1/24',
  FLANNEL_MTU: '1450',
  FLANNEL_IPMASQ: 'true',
}

export function network(
  world: World,
  settings: Readonly<Record<string, string>> = SUBNET_ENV,
  extra: Extra = {},
) {
  const subnetFile = join(world.directory, 'subnet.env')
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(subnetFile, lines.join(''))
  const dataDir = join(world.directory, 'flannel')
  mkdirSync(dataDir, { recursive: true })
  const delegate = { bridge: world.bridgeName, isDefaultGateway: true }
  return world.network({
    type: 'flannel',
    subnetFile,
    dataDir,
    delegate,
    ipam: { dataDir: world.dataDir },
    ...extra,
  })
}
