import { errorText } from '../../base/index.ts'
import type { ProgramEnd, RunProgram } from '../../sys/index.ts'
import type { IptablesTable } from '../entry.ts'

/** `iptables-save` and `iptables-restore` of one family. */
export class Programs {
  private readonly prefix: string
  private readonly run: RunProgram

  constructor(family: 4 | 6, run: RunProgram) {
    this.prefix = family === 4 ? 'iptables' : 'ip6tables'
    this.run = run
  }

  /** What there is; undefined if it cannot be seen. */
  async save(): Promise<string | undefined> {
    // Of all tables: where nobody has used a table, to name it would load it.
    const end = await this.end('save', [], '')
    return typeof end === 'string' || end.exitCode !== 0 ? undefined : end.stdout
  }

  /**
   * Carries out lines of a table: no packet sees half of them, and if one is refused nothing is done, which does not
   * hold for lines of several tables. What others have there is left alone. Returns why it was refused.
   */
  restore(table: IptablesTable, lines: readonly string[]): Promise<string | undefined> {
    return this.restoreWith([], table, lines)
  }

  /** Asks for nothing, which tells whether anything could be asked for: why not, in words. */
  probe(): Promise<string | undefined> {
    return this.restoreWith(['--test'], 'nat', [])
  }

  private async restoreWith(
    options: readonly string[],
    table: IptablesTable,
    lines: readonly string[],
  ): Promise<string | undefined> {
    const input = [`*${table}`, ...lines, 'COMMIT', ''].join('\n')
    // Of several programs that write at once, iptables-legacy lets one wait for the other: here, 10 s.
    const end = await this.end('restore', ['--noflush', '--wait=10', ...options], input)
    if (typeof end === 'string') return end
    if (end.exitCode === 0) return undefined
    return `${this.prefix}-restore refused: ${end.stderr.trim().split('\n')[0] ?? ''}`
  }

  /** How the program ended, or why it could not be run. */
  private async end(
    name: 'save' | 'restore',
    args: readonly string[],
    input: string,
  ): Promise<ProgramEnd | string> {
    const program = `${this.prefix}-${name}`
    try {
      return await this.run(program, args, input)
    } catch (error) {
      return `${program} cannot be run: ${errorText(error)}`
    }
  }
}
