import { errorText, type Logger } from '../../base/index.ts'
import { renderSubnetEnv, subnetEnvFor } from '../../overlay/index.ts'
import type { SelfNetwork } from './self.ts'

export interface SubnetFileOptions {
  /** Empty: none is written. */
  readonly file: string
  readonly writeFile: (file: string, text: string) => void
  readonly log: Logger
}

/** flannel's subnet.env, for programs that read it. */
export class SubnetFile {
  private readonly options: SubnetFileOptions
  private written = ''

  constructor(options: SubnetFileOptions) {
    this.options = options
  }

  /** What cannot be written is tried again with the next change. */
  write({ config, self }: SelfNetwork): void {
    const { file, writeFile, log } = this.options
    const text = renderSubnetEnv(subnetEnvFor(config, self))
    if (file === '' || text === this.written) return
    try {
      writeFile(file, text)
      this.written = text
    } catch (error) {
      log.warn('cannot write the subnet file; plugins of type flannel will not find it', {
        file,
        error: errorText(error),
      })
    }
  }
}
