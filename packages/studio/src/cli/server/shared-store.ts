/** The database that the environment names for the actors. */
export function sharedStoreUrl(): string | undefined {
  return process.env["HOLDFAST_STORE"] || undefined;
}
