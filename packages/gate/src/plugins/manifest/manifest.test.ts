import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { pluginLimits } from "../plugin-limits.ts";
import { checkConfig, parseManifest } from "./manifest.ts";
import { credentialKey, pluginName } from "./names.ts";
import { skillNameProblem } from "./plugin-folder.ts";

const tool = (properties: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  name: "look",
  description: "looks",
  risk_level: "low",
  arguments_schema: { type: "object", additionalProperties: false, properties },
  ...more,
});

function manifest(tools: readonly unknown[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    description: "d",
    version: "1.0.0",
    app_compat: ">=0.1.0",
    author: { name: "n" },
    provides: { channels: [], tools },
    subscribes: [],
    ...more,
  };
}

function problemOf(value: unknown): string | undefined {
  try {
    parseManifest(typeof value === "string" ? value : JSON.stringify(value));
    return undefined;
  } catch (error) {
    assert.ok(isErrorCode(error, "plugin", "invalid_manifest"), String(error));
    return error.message;
  }
}

function nested(depth: number): Record<string, unknown> {
  return depth === 0 ? { type: "string" } : { type: "array", items: nested(depth - 1) };
}

const text = { type: "string" };
const properties = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, text]));

test("the peer's fields, and five of ours, are all there is", () => {
  const full = manifest([tool({ a: { type: "string", maxLength: 3, enum: ["x"] } })], {
    allowed_groups: ["alpha"],
    session: "resume",
    install: {
      credentials: [{ key: "TOKEN", description: "d", required: true, obtain_url: "u", format_hint: "h" }],
    },
    config_schema: { type: "object", properties: { most: { type: "number", maximum: 5 } }, required: [] },
    egress: [{ name: "api", url: "https://api.example.com/v1", methods: ["GET"], credential: "TOKEN" }],
    timeout_ms: 1_000,
    secrets: ["TOKEN"],
    digest: `sha256:${"0".repeat(64)}`,
  });
  assert.equal(problemOf(full), undefined);
  for (const field of Object.keys(manifest([]))) {
    const { [field]: _, ...rest } = manifest([tool()]);
    assert.match(problemOf(rest) ?? "", new RegExp(field), `without ${field}`);
  }
  assert.match(problemOf(manifest([tool()], { name: "x" })) ?? "", /name/);
  assert.match(problemOf(manifest([tool({}, { risk_level: "none" })])) ?? "", /risk_level/);
  assert.match(problemOf(manifest([tool({ a: { type: "string", pattern: "x" } })])) ?? "", /pattern/);
  assert.ok(problemOf(manifest([tool({}, { arguments_schema: { type: "object", properties: {} } })])));
  assert.ok(problemOf("[]"));
  assert.ok(problemOf("{"));
});

test("a problem says what would be right", () => {
  const told = (value: unknown, problem: RegExp) => assert.match(problemOf(value) ?? "", problem);
  told(manifest([tool({}, { risk_level: "medium" })]), /risk_level must be one of "low", "high"$/);
  told(manifest([], { version: 1 }), /^Invalid manifest: \/version must be string$/);
  told(manifest([], { session: "always" }), /session must be one of "fresh", "resume", "explicit"$/);
  told(manifest([tool()], { name: "x" }), /unknown field "name" \(known are description, version, /);
  const open = { type: "object", additionalProperties: true, properties: {} };
  told(manifest([tool({}, { arguments_schema: open })]), /additionalProperties must be false$/);
  told(manifest([tool({ a: { type: "strnig" } })]), /\/properties\/a\/type must be one of .*"string"$/);
  told(
    '{\n  "description": "d",\n}',
    /^Invalid manifest: manifest\.json is not valid JSON: .*line 3 column 1/,
  );
  const install = { credentials: [{ key: "my key", description: "d", required: true }] };
  told(manifest([], { install }), /"my key" is not a valid credential key: 1 to 128 characters of a-z/);
});

test("a mark of the byte order at the beginning of a file is none of its JSON", () => {
  assert.equal(problemOf(`\uFEFF${JSON.stringify(manifest([tool()]))}`), undefined);
  const checked = checkConfig(parseManifest(JSON.stringify(manifest([]))), '\uFEFF{"region":"eu"}');
  assert.deepEqual(checked, { region: "eu" });
  assert.throws(() => checkConfig(parseManifest(JSON.stringify(manifest([]))), '{"key": "mine",\n}'), {
    message: "Invalid config.json: it is not a JSON object (line 2 column 1)",
  });
});

test("limits, at and above", () => {
  const padded = (bytes: number) => {
    const bare = JSON.stringify(manifest([tool()], { description: "" }));
    return bare.replace('"description":""', `"description":"${"x".repeat(bytes - bare.length)}"`);
  };
  assert.equal(problemOf(padded(pluginLimits.maxManifestBytes)), undefined);
  assert.match(problemOf(padded(pluginLimits.maxManifestBytes + 1)) ?? "", /bytes/);
  assert.equal(problemOf(manifest([tool({ a: nested(4) })])), undefined);
  assert.match(problemOf(manifest([tool({ a: nested(5) })])) ?? "", /nested 6 deep/);
  assert.equal(problemOf(manifest([tool(properties(30))])), undefined);
  assert.match(problemOf(manifest([tool(properties(31))])) ?? "", /31 properties/);
});

test("names that would leave their place are refused", () => {
  for (const name of ["a.b", "A", "1a", "a-b", "a/b", "", "list_tools", "get_diagnostics", "x".repeat(65)]) {
    assert.ok(problemOf(manifest([tool({}, { name })])), name);
  }
  assert.match(problemOf(manifest([tool(), tool()])) ?? "", /twice/);
  assert.match(problemOf(manifest([tool({ a: { type: "string", default: { $ref: "#" } } })])) ?? "", /\$ref/);
  assert.match(problemOf(manifest([tool({}, { output_schema: { $ref: "#" } })])) ?? "", /\$ref/);
  assert.match(problemOf(manifest([tool({}, { output_schema: { $async: true } })])) ?? "", /\$async/);
  assert.match(
    problemOf(manifest([tool({ a: { type: "string", maxLength: -1 } })])) ?? "",
    /not a valid JSON Schema/,
  );
  for (const name of ["../x", "x/y", "..", ".", "", "X", "-x", "x".repeat(41), "x\0", 5, undefined]) {
    assert.throws(
      () => pluginName(name),
      (error) => isErrorCode(error, "plugin", "invalid_name"),
    );
  }
  assert.equal(pluginName("x".repeat(40)), "x".repeat(40));
  for (const key of ["../x", "x/y", "..", "a..b", "", ".x", "x\0", "x".repeat(129)]) {
    assert.throws(
      () => credentialKey(key),
      (error) => isErrorCode(error, "plugin", "invalid_credential_key"),
    );
  }
  for (const file of [
    "/x.md",
    "../x.md",
    "a/b.md",
    "a\\b.md",
    "%2e%2e%2fx.md",
    "%5Cx.md",
    "..x.md",
    ".x.md",
    "a\nb.md",
    "a\u202eb.md",
    `${"x".repeat(101)}.md`,
  ]) {
    assert.ok(skillNameProblem(file), file);
  }
  for (const file of ["my-skill_2.md", "My Skill (v2).md", "été.md", "a+b.md", "UP.MD"])
    assert.equal(skillNameProblem(file), undefined);
});

test("a configuration is checked, and has its defaults", () => {
  const checked = parseManifest(
    JSON.stringify(
      manifest([tool()], {
        config_schema: {
          type: "object",
          properties: { most: { type: "number", maximum: 5, default: 2 }, word: text },
          required: ["most"],
        },
      }),
    ),
  );
  assert.deepEqual(checkConfig(checked, undefined), { most: 2 });
  assert.deepEqual(checkConfig(checked, '{"most":5}'), { most: 5 });
  const padded = '{"most":5}'.padEnd(pluginLimits.maxConfigBytes);
  assert.deepEqual(checkConfig(checked, padded), { most: 5 });
  for (const raw of ['{"most":6}', '{"word":1}', "[]", "{", `${padded} `]) {
    assert.throws(
      () => checkConfig(checked, raw),
      (error) => isErrorCode(error, "plugin", "invalid_config"),
    );
  }
});
