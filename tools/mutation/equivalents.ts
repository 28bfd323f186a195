/** Mutants that change nothing that could be seen, each with the reason. Reviewed by hand. */
export const equivalents: ReadonlyMap<string, string> = new Map<string, string>([
  [
    "plugins/connections.ts: without the end of what is open",
    "the signal ends the connection to the server, and that ends the plugin's",
  ],
]);
