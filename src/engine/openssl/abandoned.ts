/** Frees in the wasm heap what the garbage collector found unused. The callback must not hold the object itself. */
export const abandoned: FinalizationRegistry<() => void> = new FinalizationRegistry((release) => release());
