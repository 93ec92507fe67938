import * as v from 'valibot'
import { errorText, type Logger } from '../../base/index.ts'
import type { LeaseMemory } from './lease-record.ts'

export interface SoftwareChecksumsOptions {
  /** Where it is kept: a device that is there goes on as it was set up. */
  readonly memory: LeaseMemory
  readonly bootId: string
  readonly log: Logger
}

const Shape = v.object({ bootId: v.string(), devices: v.array(v.string()) })

/**
 * Devices of this node's overlay whose packets arrived with wrong checksums as long as the network card was to fill them
 * in. Found once, that holds for this life of the machine: nothing is tried that may cut pods off once more.
 */
export class SoftwareChecksums {
  private readonly options: SoftwareChecksumsOptions
  private readonly names: Set<string>

  constructor(options: SoftwareChecksumsOptions) {
    this.options = options
    this.names = new Set(remembered(options))
  }

  get devices(): readonly string[] {
    return [...this.names].toSorted()
  }

  /** False if it was known. */
  add(device: string): boolean {
    if (this.names.has(device)) return false
    this.names.add(device)
    const { memory, bootId, log } = this.options
    log.warn('checksums that the network card fills in arrive wrong: they are computed here from now on', {
      device,
    })
    try {
      memory.write(`${JSON.stringify({ bootId, devices: this.devices })}\n`)
    } catch (error) {
      log.warn('that cannot be written down: it is found anew after a restart', { error: errorText(error) })
    }
    return true
  }
}

function remembered({ memory, bootId }: SoftwareChecksumsOptions): readonly string[] {
  try {
    const record = v.parse(Shape, JSON.parse(memory.read()))
    return record.bootId === bootId ? record.devices : []
  } catch {
    return []
  }
}
