import manifest from '../../package.json' with { type: 'json' }

/** As package.json has it; the bundle carries it inside. */
export const VERSION: string = manifest.version
