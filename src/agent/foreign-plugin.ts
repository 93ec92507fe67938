import type { CniResult } from '../attach/index.ts'
import {
  type CniCommand,
  type CniReply,
  cniError,
  delegateError,
  isAtLeast,
  type NetworkConfiguration,
  parseResult,
} from '../cni/index.ts'
import type { Execute } from '../daemon/index.ts'

/** A plugin of somebody else, run by the shim that waits for the answer. What it refuses is thrown, with its code. */
export class ForeignPlugin {
  protected readonly name: string
  protected readonly execute: Execute | undefined
  private readonly config: Pick<NetworkConfiguration, 'cniVersion' | 'raw'>

  /**
   * @param config it is given as a whole
   * @param execute absent where no shim is at hand, as for a DEL that was written down
   */
  constructor(name: string, config: ForeignPlugin['config'], execute: Execute | undefined) {
    this.name = name
    this.config = config
    this.execute = execute
  }

  /** Whether DEL comes to it before what we made goes. */
  get releasesFirst(): boolean {
    return true
  }

  async add(): Promise<CniResult> {
    const { stdout } = await this.run('ADD')
    const value = readJson(stdout)
    if (value !== undefined) return parseResult(value, this.config.cniVersion)
    throw cniError('decode', `run plugin ${this.name}`, `plugin ${this.name} printed no result in JSON`)
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
    const { name, execute, config } = this
    if (execute === undefined) {
      throw cniError('try-again-later', `run plugin ${name}`, `no caller is at hand to run plugin ${name}`)
    }
    const stdin = Buffer.from(JSON.stringify(config.raw))
    const reply = await execute({ plugin: name, environment: new Map([['CNI_COMMAND', command]]), stdin })
    if (reply.exitCode !== 0) throw this.refusal(reply)
    return reply
  }

  private refusal({ exitCode, stdout }: CniReply): Error {
    const { code, msg, details } = readJson(stdout) ?? {}
    return delegateError(this.name, {
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
