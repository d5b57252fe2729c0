/** Something that takes bytes from nobody knows whom. */
export interface Target {
  /** Inputs to begin with: such as are right. */
  seeds(): readonly Uint8Array[];
  /** Takes one input. Throws only for what must not be: what the code under test may throw, it catches. */
  run(input: Uint8Array): void;
}
