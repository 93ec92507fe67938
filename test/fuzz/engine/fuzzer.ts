import type { Corpus } from './corpus.ts'
import { BUCKETS, type Coverage, EDGES_MAX } from './coverage.ts'
import type { Dice } from './dice.ts'
import { dictionaryOf } from './dictionary.ts'
import type { InstrumentedModule } from './hook.ts'
import { attributeMutator } from './mutate-attributes.ts'
import { grownBytes, type Mutator, mutateBytes } from './mutate-bytes.ts'
import { grownJson, jsonMutator } from './mutate-json.ts'
import { shrink } from './shrink.ts'
import { type Crash, crashed, type Form, judge, type Target, type Verdict } from './target.ts'

export interface FuzzerOptions {
  readonly target: Target
  readonly coverage: Coverage
  /** What the target is made of: its constants become the dictionary. */
  readonly modules: readonly InstrumentedModule[]
  readonly dice: Dice
  readonly corpus: Corpus
}

export interface Found extends Crash {
  readonly input: Uint8Array
  /** How many inputs had been tried by then. */
  readonly executions: number
}

/** Longest input that mutation makes and a corpus keeps; growth goes beyond. */
const LENGTH_MAX = 4096
/** An input of n bytes may take so many branches: what reads it once or twice takes a small part of them. */
const STEPS_BASE = 50_000
const STEPS_PER_BYTE = 300
/** Inputs are made about this long to see how the work grows with them. */
const GROWN_LENGTHS = [16 * 1024, 32 * 1024, 64 * 1024]
const STEPS_KEY = 'steps'

function mutatorOf(form: Form): Mutator {
  if (form === 'json') return jsonMutator()
  return form === 'attributes' ? attributeMutator() : mutateBytes
}

/**
 * Changes inputs at random, keeps those that reach branches that none reached before (or reached so often), and goes on
 * from them. Whatever breaks the target's promise is shrunk and kept in `crashes`, once for each defect.
 */
export class Fuzzer {
  private readonly options: FuzzerOptions
  private readonly mutate: Mutator
  private readonly seen = new Uint8Array(EDGES_MAX * BUCKETS)
  private readonly inputs: Uint8Array[] = []
  /** The shortest input for each branch, and those inputs. */
  private readonly shortest = new Map<number, Uint8Array>()
  private favourites: readonly Uint8Array[] = []
  private dictionary: readonly Uint8Array[] = []
  private readonly found = new Map<string, Found>()
  executions = 0
  /** The most branches that one byte of an input has cost so far, in inputs of some length. */
  stepsPerByte = 0

  constructor(options: FuzzerOptions) {
    this.options = options
    this.mutate = mutatorOf(options.target.form)
  }

  /** How much was reached, in words. */
  get summary(): string {
    return `${this.inputs.length} inputs, ${this.shortest.size} branches`
  }

  get crashes(): readonly Found[] {
    return [...this.found.values()]
  }

  /** Reads the seeds and the corpus; call it first. */
  async start(): Promise<void> {
    const { target, corpus, modules, coverage } = this.options
    const used = new Set<InstrumentedModule>()
    for (const input of [...target.seeds, ...corpus.inputs, ...corpus.crashes]) {
      await this.tryOut(input)
      for (const edge of coverage.edges()) {
        const module = modules.find(one => one.firstEdge <= edge && edge < one.nextEdge)
        if (module !== undefined) used.add(module)
      }
    }
    this.dictionary = dictionaryOf(used, target.form === 'json' || target.form === 'text')
  }

  /** Tries one more input. */
  async step(): Promise<void> {
    const { dice } = this.options
    const parent = this.pick()
    if (dice.oneIn(500)) return this.grow(parent)
    const material = { dice, dictionary: this.dictionary, other: this.pick() }
    const child = this.mutate(parent, material)
    if (child.length <= LENGTH_MAX) await this.tryOut(child)
  }

  /** The fewest and shortest inputs that reach every branch that was reached, each made as short as it can be. */
  async minimised(): Promise<Corpus> {
    const kept: Uint8Array[] = []
    const covered = new Set<number>()
    for (const input of [...this.inputs].sort((a, b) => a.length - b.length)) {
      const news = (await this.edgesOf(input)).filter(edge => !covered.has(edge))
      if (news.length === 0) continue
      const short = await shrink(input, 2_000, async shorter => {
        const edges = new Set(await this.edgesOf(shorter))
        return news.every(edge => edges.has(edge))
      })
      for (const edge of await this.edgesOf(short)) covered.add(edge)
      kept.push(short)
    }
    return { inputs: kept, crashes: this.crashInputs() }
  }

  /** All inputs that broke the target, of old and now, that are short enough to be kept. */
  crashInputs(): Uint8Array[] {
    const crashes = [...this.options.corpus.crashes, ...this.crashes.map(crash => crash.input)]
    return withoutDoubles(crashes.filter(input => input.length <= LENGTH_MAX))
  }

  private async tryOut(input: Uint8Array): Promise<void> {
    this.executions += 1
    const verdict = await this.execute(input)
    if (verdict.kind === 'crash') return this.keepCrash(verdict.crash, input)
    if (input.length >= 64) {
      this.stepsPerByte = Math.max(this.stepsPerByte, Math.ceil(this.options.coverage.steps / input.length))
    }
    if (this.hasNews()) this.keep(input)
  }

  private async execute(input: Uint8Array): Promise<Verdict> {
    const { coverage, target } = this.options
    coverage.begin(STEPS_BASE + STEPS_PER_BYTE * input.length)
    const verdict = await judge(target, input)
    if (!coverage.isOverLimit) return verdict
    return crashed(STEPS_KEY, `an input of ${input.length} bytes took more than ${coverage.steps - 1} steps`)
  }

  private async edgesOf(input: Uint8Array): Promise<number[]> {
    await this.execute(input)
    return this.options.coverage.edges()
  }

  private hasNews(): boolean {
    let news = false
    this.options.coverage.forEachFeature(feature => {
      if (this.seen[feature] === 1) return
      this.seen[feature] = 1
      news = true
    })
    return news
  }

  /** Every second turn goes to an input that is the shortest one for some branch: those are few, and lead everywhere. */
  private pick(): Uint8Array {
    const { dice } = this.options
    const inputs = dice.oneIn(2) ? this.favourites : this.inputs
    return inputs[dice.below(inputs.length)] ?? new Uint8Array()
  }

  private keep(input: Uint8Array): void {
    this.inputs.push(input)
    for (const edge of this.options.coverage.edges()) {
      const known = this.shortest.get(edge)
      if (known === undefined || known.length > input.length) this.shortest.set(edge, input)
    }
    this.favourites = [...new Set(this.shortest.values())]
  }

  /** An input twice as long must not cost much more than twice as many steps. */
  private async grow(parent: Uint8Array): Promise<void> {
    const { dice, coverage, target } = this.options
    const grown = (target.form === 'json' ? grownJson(parent, dice) : undefined) ?? grownBytes(parent, dice)
    const steps: number[] = []
    const lengths: number[] = []
    for (const length of GROWN_LENGTHS) {
      const input = grown(length)
      this.executions += 1
      const verdict = await this.execute(input)
      steps.push(coverage.steps)
      lengths.push(input.length)
      if (coverage.isOverLimit) break
      if (verdict.kind === 'crash') return this.keepCrash(verdict.crash, input)
    }
    if (!coverage.isOverLimit && !growsFaster(lengths, steps)) return
    const message = `inputs of ${lengths.join(', ')} bytes took ${steps.join(', ')} steps`
    this.found.set('growth', { key: 'growth', message, input: parent, executions: this.executions })
  }

  private async keepCrash(crash: Crash, input: Uint8Array): Promise<void> {
    if (this.found.has(crash.key)) return
    const { executions } = this
    this.found.set(crash.key, { ...crash, input, executions })
    // each attempt at an endless loop takes all the steps there are
    const attempts = crash.key === STEPS_KEY ? 100 : 2_000
    const short = await shrink(input, attempts, async shorter => {
      const verdict = await this.execute(shorter)
      return verdict.kind === 'crash' && verdict.crash.key === crash.key
    })
    this.found.set(crash.key, { ...crash, input: short, executions })
  }
}

/** Work that triples when the input doubles, twice in a row, and is not little. */
function growsFaster(lengths: readonly number[], steps: readonly number[]): boolean {
  const [first = 0, second = 0, third = 0] = steps
  const [short = 0, , long = 0] = lengths
  return long >= 2 * short && third >= 16 * long && second >= 3 * first && third >= 3 * second
}

function withoutDoubles(inputs: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(inputs.map(input => [Buffer.from(input).toString('base64'), input])).values()]
}
