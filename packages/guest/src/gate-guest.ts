import { join } from "node:path";
import { GateClient } from "./gate-client.ts";
import { listen, serveIpc } from "./ipc-server.ts";
import type { LocalTools } from "./local-tools.ts";

/** Options of `startGateGuest`. */
export interface GateGuestOptions {
  /** Directory mounted by the host, with `request.sock` and `events.sock`. */
  readonly gate: string;
  /** Writable directory of the jail for the sockets of `ipc` and of the MCP bridge. */
  readonly directory: string;
  /** Version reported to MCP clients. */
  readonly version: string;
  /** Tools of the jail itself, offered to MCP clients beside those of the gate. */
  readonly localTools?: LocalTools;
  /** Folder with the skills of plugins, named in the instructions for MCP clients. */
  readonly skills?: string;
}

/** The gate's endpoints for programs in the jail. */
export interface GateGuest {
  /** Socket of the `ipc` command, which reads it from HOLDFAST_IPC. */
  readonly ipcSocket: string;
  /** MCP socket, with one connection per agent. */
  readonly mcpSocket: string;
  readonly client: GateClient;
  close(): Promise<void>;
}

/** Starts the jail's resident process: one connection to the gate, shared by the `ipc` command and MCP. */
export async function startGateGuest({
  gate,
  directory,
  version,
  localTools,
  skills,
}: GateGuestOptions): Promise<GateGuest> {
  const client = new GateClient(gate);
  const ipc = await serveIpc(client, join(directory, "ipc.sock"));
  const mcp = await listen(join(directory, "mcp.sock"), (socket) => {
    // Loaded on demand, with the first agent that uses MCP.
    import("./mcp-bridge.ts")
      .then(({ bridgeMcp }) =>
        bridgeMcp(client, socket, {
          version,
          ...(skills === undefined ? {} : { skills }),
          ...(localTools === undefined ? {} : { localTools }),
        }),
      )
      .catch(() => socket.destroy());
  });
  return {
    ipcSocket: ipc.path,
    mcpSocket: mcp.path,
    client,
    close: async () => {
      client.close();
      await Promise.all([ipc.close(), mcp.close()]);
    },
  };
}
