export * from './kinds.ts'
export * from './meta.ts'
