import * as v from 'valibot'

/** A UDP port as another node tells it. */
export const udpPort = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))
