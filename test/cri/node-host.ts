import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { labExecCaptured } from '../../src/lab/exec.ts'
import { fromMachine } from '../../src/lab/holder.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { NODE_PATHS } from '../../src/lab/layout.ts'
import type { LabNode } from '../../src/lab/state.ts'

/** A network list as people write it. */
export interface NetworkText {
  readonly cniVersion: string
  readonly name: string
  readonly plugins: readonly object[]
}

/** The files and commands of one node of a lab: a host whose /etc/cni and /opt/cni are its own. */
export class NodeHost {
  private readonly lab: Lab
  private readonly node: LabNode

  constructor(lab: Lab, node: LabNode) {
    this.lab = lab
    this.node = node
  }

  run(...command: string[]) {
    return labExecCaptured(this.lab, this.node.name, command)
  }

  /** What a command prints that must succeed. */
  async output(...command: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(...command)
    assert.equal(exitCode, 0, `${command.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }

  write(path: string, content: string | Uint8Array): void {
    const file = fromMachine(this.lab.holder(this.node), path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }

  list(path: string): string[] {
    return readdirSync(fromMachine(this.lab.holder(this.node), path))
  }

  /** The network's leases by address, without what host-local keeps for itself. */
  leases(network: NetworkText): string[] {
    return this.list(`/var/lib/cni/networks/${network.name}`).filter(name => /^\d/.test(name))
  }

  /** The ends of cables to containers, on whatever bridge. */
  async cables(): Promise<string[]> {
    const links = JSON.parse(await this.output('ip', '-j', 'link', 'show', 'type', 'veth'))
    return links.map(({ ifname }: { ifname: string }) => ifname).filter((name: string) => name !== 'eth0')
  }
}

/** A network of the standard plugins as people write it for one host. */
export function bridgeNetwork(name: string, bridge: string, subnet: string): NetworkText {
  const plugin = {
    type: 'bridge',
    bridge,
    isDefaultGateway: true,
    ipMasq: true,
    capabilities: { ips: true },
    ipam: { type: 'host-local', ranges: [[{ subnet }]] },
  }
  return { cniVersion: '1.0.0', name, plugins: [plugin] }
}

export const cniConfigFile = (name: string): string => `${NODE_PATHS.cniConfigDirectory}/${name}`
