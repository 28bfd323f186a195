import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { isThere, pluginName, reservedPluginNames, reservedToolNames } from "../manifest/names.ts";

/** Name and location of a new plugin. */
export interface ScaffoldOptions {
  /** Parent of the new folder. */
  readonly directory: string;
  readonly name: string;
  /** `{name}_example` by default. */
  readonly tool?: string;
  readonly risk?: "low" | "high";
}

function invalidName(problem: string): HoldfastError {
  return new HoldfastError("plugin", "invalid_name", problem, { statusCode: 400 });
}

/**
 * Creates the folder of a new plugin that works and passes its own tests. Returns its path. Throws
 * `plugin.invalid_name`, `plugin.already_there`.
 */
export async function createPlugin({
  directory,
  name,
  tool,
  risk = "low",
}: ScaffoldOptions): Promise<string> {
  const folder = join(directory, pluginName(name));
  if (reservedPluginNames.has(name)) throw invalidName(`The name "${name}" is reserved: choose another`);
  const toolName = tool ?? `${name.replaceAll("-", "_")}_example`;
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(toolName)) {
    throw invalidName("A tool name must have 1 to 64 characters of a-z, 0-9 and _, and begin with a letter");
  }
  if (reservedToolNames.has(toolName))
    throw invalidName(`The tool name "${toolName}" is reserved: choose another`);
  if (isThere(folder)) {
    throw new HoldfastError("plugin", "already_there", `${folder} already exists`, { statusCode: 409 });
  }
  const files: Readonly<Record<string, string>> = {
    "manifest.json": `${JSON.stringify(manifestFor(name, toolName, risk), null, 2)}\n`,
    "handler.ts": handlerFor(toolName),
    "handler.test.ts": testFor(toolName),
    [`skills/${name}.md`]: skillFor(name, toolName),
  };
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text, { flag: "wx" });
  }
  return folder;
}

function manifestFor(name: string, tool: string, risk: "low" | "high") {
  return {
    description: `Describe ${name} in one sentence`,
    version: "0.1.0",
    app_compat: ">=0.1.0",
    author: { name: "Your name" },
    provides: {
      channels: [],
      tools: [
        {
          name: tool,
          description: "Returns the given text",
          risk_level: risk,
          arguments_schema: {
            type: "object",
            additionalProperties: false,
            required: ["text"],
            properties: { text: { type: "string", description: "The text to return", maxLength: 1000 } },
          },
        },
      ],
    },
    subscribes: [],
  };
}

function handlerFor(tool: string): string {
  return `import type { PluginHandler } from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";

const handler: PluginHandler = {
  async initialize(services) {
    // Credentials: services.readCredential("API_KEY").
  },

  async handleToolInvocation(tool, args, context) {
    switch (tool) {
      case "${tool}":
        return { ok: true, result: { text: String(args["text"]), group: context.group } };
      default:
        throw new ToolError({ code: "HANDLER_ERROR", message: \`There is no tool \${tool}\` });
    }
  },

  async shutdown() {},
};

export default handler;
`;
}

function testFor(tool: string): string {
  return `import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNoCredentialLeak, assertSuccessResult, createTestInvocation } from "@holdfast/gate/plugin-testing";
import handler from "./handler.ts";

test("says what it was given", async () => {
  const result = await createTestInvocation(handler, "${tool}", { text: "hello" }, {}, { autoInit: true });
  assert.equal(assertSuccessResult(result)["text"], "hello");
  assertNoCredentialLeak(result);
});
`;
}

function skillFor(name: string, tool: string): string {
  return `# ${name}

Say here when to use this plugin, and when not.

## ${tool}

Says what it was given.

| argument | type | required | meaning |
| --- | --- | --- | --- |
| \`text\` | string | yes | what to say |

\`\`\`bash
ipc tool.invoke.${tool} '{"text": "hello"}'
\`\`\`
`;
}
