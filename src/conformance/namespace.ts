import type { Clock } from '../base/index.ts'
import { setupError } from './errors.ts'
import { type ExecuteOptions, type Execution, execute } from './execute.ts'

export interface NamespaceOptions {
  /** Process that holds the fake host's network and mount namespaces. */
  readonly holderPid: number
  /** Name below the fake host's /run/netns; absent for the fake host's own namespace. */
  readonly name?: string
  readonly clock: Clock
}

/** A network namespace of a fake host, with that host's files: where programs of the suite look and act. */
export class Namespace {
  /** How a plugin on the fake host finds it (CNI_NETNS). */
  readonly path: string
  /** How the suite finds it, outside of the fake host's mounts. */
  readonly outerPath: string
  readonly clock: Clock
  private readonly enter: readonly string[]

  constructor({ holderPid, name, clock }: NamespaceOptions) {
    this.clock = clock
    this.path = name === undefined ? `/proc/${holderPid}/ns/net` : `/run/netns/${name}`
    this.outerPath = name === undefined ? this.path : `/proc/${holderPid}/root${this.path}`
    this.enter = ['nsenter', '--target', String(holderPid), '--mount', `--net=${this.outerPath}`, '--']
  }

  /** The command line that runs `argv` inside. */
  entering(argv: readonly string[]): string[] {
    return [...this.enter, ...argv]
  }

  /** Runs a program inside; its exit status is part of the outcome. */
  execute(argv: readonly string[], options: Omit<ExecuteOptions, 'clock'> = {}): Promise<Execution> {
    return execute(this.entering(argv), { clock: this.clock, ...options })
  }

  /** Standard output of a program that must succeed. @throws `conformance.setup` */
  async output(argv: readonly string[], stdin = ''): Promise<string> {
    const { exitCode, stdout, stderr } = await this.execute(argv, { stdin })
    if (exitCode === 0) return stdout
    const command = argv.join(' ')
    throw setupError(`run ${command}`, `\`${command}\` ended with ${exitCode}: ${stderr.trim()}`)
  }

  /** `ip` with the words of `command`. */
  ip(command: string): Promise<string> {
    return this.output(['ip', ...command.split(' ')])
  }

  /** `sysctl -w`: name with slashes, below /proc/sys. */
  async setSysctl(name: string, value: string): Promise<void> {
    await this.output(['tee', `/proc/sys/${name}`], value)
  }

  /** Without the line break at its end. */
  async sysctl(name: string): Promise<string> {
    return (await this.output(['cat', `/proc/sys/${name}`])).trimEnd()
  }
}
