/** A protocol of one's own over a plain WebSocket: lines in, lines out, for every client of every language. */
import { actor, setup } from "holdfast";

export const console_ = actor({
  state: { lines: [] as string[] },
  onWebSocket: (c, websocket) => {
    for (const line of c.state.lines.slice(-10)) websocket.send(line);
    websocket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return websocket.close(1003, "text only");
      c.state.lines.push(data);
      websocket.send(`${c.state.lines.length} ${data}`);
    });
  },
});

export const registry = setup({ use: { console: console_ } });
if (import.meta.main) await registry.start();
