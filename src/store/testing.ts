export { FlakyStore, type StoreFault } from './flaky-store.ts'
export { nodeDraft, podDraft, type StoreUnderTest, storeSuite } from './store-suite.ts'
