import type { RunProgram } from '../../sys/index.ts'
import type { Entry } from '../entry.ts'
import { type Failure, refusal } from '../netlink/refusals.ts'
import type { ObservedEntry, Operation } from '../operation.ts'
import { Chains, type ChainsOptions } from './chains.ts'

const FAMILIES = [4, 6] as const
const NO_PROGRAMS = 'no program is started from here'

/** Chains of ours among those of iptables, of both families; none where no program may be run. */
export class Iptables {
  private readonly chains: ReadonlyMap<4 | 6, Chains>

  constructor(run: RunProgram | undefined, listener: Pick<ChainsOptions, 'emit' | 'catchUp'>) {
    const families = run === undefined ? [] : FAMILIES.map(family => ({ family, run, ...listener }))
    this.chains = new Map(families.map(options => [options.family, new Chains(options)]))
  }

  async observe(wanted: readonly Entry[]): Promise<readonly ObservedEntry[]> {
    const looks = Array.from(this.chains, ([family, chains]) =>
      chains.observe(wanted.some(entry => familyOf(entry) === family)),
    )
    return (await Promise.all(looks)).flat()
  }

  async fault(family: 4 | 6): Promise<string | undefined> {
    const chains = this.chains.get(family)
    return chains === undefined ? NO_PROGRAMS : chains.fault()
  }

  /** Takes what of the operations is iptables'. Returns what went wrong, by operation. */
  async apply(operations: readonly Operation[]): Promise<ReadonlyMap<Operation, Failure>> {
    const done = FAMILIES.map(async family => {
      const own = operations.filter(({ entry }) => familyOf(entry) === family)
      if (own.length === 0) return []
      const failures = await this.chains.get(family)?.apply(own)
      return failures ?? own.map(operation => [operation, unsupported(operation)] as const)
    })
    return new Map((await Promise.all(done)).flatMap(failures => [...failures]))
  }

  /** A transaction of somebody else touched chains of ours. */
  touched(family: 4 | 6): void {
    this.chains.get(family)?.touched()
  }
}

function unsupported(operation: Operation): Failure {
  return refusal(operation, 'kernel.unsupported', NO_PROGRAMS)
}

function familyOf(entry: Entry): 4 | 6 | undefined {
  return entry.kind === 'iptables-chain' ? entry.family : undefined
}
