/**
 * A gate with the built-in plugins as a node of a cluster, forked by the tests: it makes the calls that it is sent, and tells
 * which events it takes.
 */
import { pluginsDirectory } from "@holdfast/plugins";
import { joinCluster } from "./join-cluster.ts";
import { callTool, type ToolRequest } from "./shared-state.ts";

const [dataDir = "", config = "{}"] = process.argv.slice(2);
const { gate } = await joinCluster(dataDir, 2_000, {
  plugins: {
    builtInDirectory: pluginsDirectory,
    watch: false,
    config: JSON.parse(config),
    onEvent: async (event) => {
      process.send?.({ event });
    },
  },
});
process.send?.("ready");
process.on("message", async ({ id, request }: { id: number; request: ToolRequest }) => {
  try {
    process.send?.({ id, outcome: await callTool(gate, request) });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
