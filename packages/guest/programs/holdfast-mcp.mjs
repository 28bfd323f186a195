// The gate's tools over MCP on standard input and output: joins them to the resident guest, byte for byte.
import { connect } from "node:net";

const guest = connect({ path: process.env.HOLDFAST_MCP ?? "/tmp/.holdfast/mcp.sock" });
let joined = false;
guest.once("connect", () => {
  joined = true;
});
guest.once("error", (error) => {
  // The jail is ending, and this with it.
  if (joined) process.exit(0);
  console.error(`The guest of this jail is not running (${error.code})`);
  process.exit(1);
});
guest.once("close", () => process.exit(0));
process.stdin.pipe(guest);
guest.pipe(process.stdout);
