/** A package as a registry has it. */
export interface PackedPackage {
  readonly name: string;
  readonly version: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  /** Path of its tarball. */
  readonly tarball: string;
}
