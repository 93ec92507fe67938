import type { FakeHost } from './fake-host.ts'
import { Namespace } from './namespace.ts'

/** A container as far as the network goes: a namespace with a name on the fake host, as runtimes make it. */
export class Pod extends Namespace {
  readonly name: string
  private readonly host: FakeHost
  private gone = false

  private constructor(host: FakeHost, name: string) {
    super({ holderPid: host.holderPid, name, clock: host.network.clock })
    this.name = name
    this.host = host
  }

  static async create(host: FakeHost, name: string): Promise<Pod> {
    await host.network.ip(`netns add ${name}`)
    return new Pod(host, name)
  }

  /** Takes the namespace away, as a crashed container or a reboot does; a second time does nothing. */
  async remove(): Promise<void> {
    if (this.gone) return
    this.gone = true
    await this.host.network.ip(`netns delete ${this.name}`)
  }

  get removed(): boolean {
    return this.gone
  }
}
