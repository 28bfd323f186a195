// An agent without a model: it answers at once, and says in each update when it spoke.
import { createInterface } from "node:readline";

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
let sessions = 0;

function answer(method, { sessionId }) {
  switch (method) {
    case "initialize":
      return { protocolVersion: 1, agentCapabilities: { loadSession: false } };
    case "session/new":
      sessions += 1;
      return { sessionId: `${process.pid}-${sessions}` };
    case "session/prompt": {
      const text = `spoke at ${performance.timeOrigin + performance.now()};`;
      const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
      send({ method: "session/update", params: { sessionId, update } });
      return { stopReason: "end_turn" };
    }
    default:
      return {};
  }
}

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, method, params = {} } = JSON.parse(line);
    if (id !== undefined && method !== undefined) send({ id, result: answer(method, params) });
  })
  .on("close", () => process.exit(0));
