/**
 * The mock model as a command:
 *   node packages/testing/src/mock-model/main.ts --port 4010 --anthropic-key K --openai-key K --google-key K
 * Prints its address, then one line of JSON for each request; never a key.
 */
import { parseArgs } from "node:util";
import { startMockModel } from "./server.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "anthropic-key": { type: "string" },
    "openai-key": { type: "string" },
    "google-key": { type: "string" },
  },
});

const port = Number(values.port);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`--port must be a port number, not ${values.port}`);
  process.exit(2);
}
const anthropic = values["anthropic-key"];
const openai = values["openai-key"];
const google = values["google-key"];
const model = await startMockModel({
  port,
  apiKeys: {
    ...(anthropic === undefined ? {} : { anthropic }),
    ...(openai === undefined ? {} : { openai }),
    ...(google === undefined ? {} : { google }),
  },
  onRequest: ({ headers: _headers, prompt: _prompt, ...request }) => console.log(JSON.stringify(request)),
});
console.log(JSON.stringify({ url: model.url }));
const stop = (): void => {
  void model.close().then(() => process.exit(0));
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
