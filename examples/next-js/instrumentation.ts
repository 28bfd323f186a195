/** Runs once as the server starts: route handlers take no WebSockets, so the registry listens beside it. */
export async function register(): Promise<void> {
  if (process.env["NEXT_RUNTIME"] !== "nodejs") return;
  const { registry } = await import("./actors.ts");
  await registry.startAndWait();
}
