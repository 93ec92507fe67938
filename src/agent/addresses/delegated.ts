import type { CniResult } from '../../attach/index.ts'
import {
  type CniCommand,
  type CniReply,
  cniError,
  delegateError,
  isAtLeast,
  type NetworkConfiguration,
  parseResult,
} from '../../cni/index.ts'
import type { Execute } from '../../daemon/index.ts'
import type { Lease } from './source.ts'

/** Address management by a plugin of somebody else, run by the shim that waits for the answer. */
export class DelegatedAddresses {
  private readonly plugin: string
  private readonly config: NetworkConfiguration
  private readonly execute: Execute | undefined

  /** @param execute absent where no shim is at hand, as for a DEL that was written down */
  constructor(plugin: string, config: NetworkConfiguration, execute: Execute | undefined) {
    this.plugin = plugin
    this.config = config
    this.execute = execute
  }

  /** Throws what the plugin refuses, with its code. */
  async add(): Promise<Lease> {
    const { ips, routes, dns } = this.result(await this.run('ADD'))
    if (ips.length > 0) return { ips: ips.map(({ interface: _index, ...ip }) => ip), routes, dns }
    throw cniError('internal', `run plugin ${this.plugin}`, `plugin ${this.plugin} gave no address`)
  }

  /** It gives back through the pod's interface; without a shim it has to do without. */
  get releasesFirst(): boolean {
    return this.plugin === 'dhcp' && this.execute !== undefined
  }

  async check(): Promise<void> {
    await this.run('CHECK')
  }

  async release(): Promise<void> {
    await this.run('DEL')
  }

  async collect(): Promise<void> {
    if (isAtLeast(this.config.cniVersion, '1.1.0')) await this.run('GC')
  }

  async status(): Promise<void> {
    if (isAtLeast(this.config.cniVersion, '1.1.0')) await this.run('STATUS')
  }

  private async run(command: CniCommand): Promise<CniReply> {
    const { plugin, execute, config } = this
    if (execute === undefined) {
      throw cniError(
        'try-again-later',
        `run plugin ${plugin}`,
        `no caller is at hand to run plugin ${plugin}`,
      )
    }
    const stdin = Buffer.from(JSON.stringify(config.raw))
    const reply = await execute({ plugin, environment: new Map([['CNI_COMMAND', command]]), stdin })
    if (reply.exitCode !== 0) throw this.refusal(reply)
    return reply
  }

  private result({ stdout }: CniReply): CniResult {
    const value = readJson(stdout)
    if (value !== undefined) return parseResult(value, this.config.cniVersion)
    throw cniError('decode', `run plugin ${this.plugin}`, `plugin ${this.plugin} printed no result in JSON`)
  }

  private refusal({ exitCode, stdout }: CniReply): Error {
    const { code, msg, details } = readJson(stdout) ?? {}
    return delegateError(this.plugin, {
      code: typeof code === 'number' ? code : 999,
      msg: typeof msg === 'string' && msg !== '' ? msg : `it ended with ${exitCode} and said nothing`,
      details: typeof details === 'string' ? details : undefined,
    })
  }
}

function readJson(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
