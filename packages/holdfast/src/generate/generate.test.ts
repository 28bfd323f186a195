import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { type JsonSchema, readApi } from "./api.ts";
import { generateGo } from "./go.ts";
import { Names, pascalCase, snakeCase, wordsOf } from "./names.ts";
import { generatePython } from "./python.ts";

const json = (schema: JsonSchema) => ({ content: { "application/json": { schema } } });

/** The documents of a server with one kind of actor. */
function documents(
  actor: string,
  actions: Readonly<Record<string, { readonly args?: JsonSchema; readonly output?: JsonSchema }>>,
): readonly [object, object] {
  const paths = Object.entries(actions).map(([name, { args = { type: "array" }, output = {} }]) => [
    `/actors/${encodeURIComponent(actor)}/{actor}/actions/${encodeURIComponent(name)}`,
    {
      post: {
        requestBody: json({ properties: { args } }),
        responses: { 200: json({ properties: { output } }) },
      },
    },
  ]);
  const openApi = {
    paths: { [`/actors/${encodeURIComponent(actor)}/{actor}`]: {}, ...Object.fromEntries(paths) },
  };
  return [openApi, { channels: {} }];
}

const one = (schema: JsonSchema): JsonSchema => ({ type: "array", prefixItems: [schema] });

describe("generated clients", () => {
  test("name things in the style of their language", () => {
    assert.deepEqual(["admin.banUser", "HTTPServer2", "x-y", "1st", "\u00e4", ""].map(snakeCase), [
      ...["admin_ban_user", "http_server_2", "x_y", "n_1_st", "unnamed", "unnamed"],
    ]);
    assert.deepEqual(["admin.banUser", "HTTPServer2", "1st"].map(pascalCase), [
      "AdminBanUser",
      "HttpServer2",
      "N1St",
    ]);
    assert.deepEqual(wordsOf("getURLOf"), ["get", "URL", "Of"]);
    const names = new Names(["class"]);
    assert.deepEqual(
      ["class", "a", "a", "a"].map((name) => names.take(name)),
      ["class2", "a", "a2", "a3"],
    );
  });

  test("have types for schemas", () => {
    const tree: JsonSchema = {
      type: "object",
      required: ["value"],
      properties: {
        value: { type: "integer" },
        kind: { enum: ["leaf", "branch"] },
        size: { anyOf: [{ type: "string" }, { type: "null" }] },
        "not a name": { type: "boolean" },
        children: {
          type: "array",
          items: {
            $ref: "#/paths/~1actors~1forest~1{actor}~1actions~1plant/post/requestBody/content/application~1json/schema/properties/args/prefixItems/0",
          },
        },
      },
    };
    const api = readApi(
      ...documents("forest", {
        plant: { args: one(tree), output: { type: "object", additionalProperties: { type: "number" } } },
        "admin.cut": {},
      }),
    );
    const python = generatePython(api);
    assert.match(python, /def plant\(self, arg1: ForestPlantArgument\) -> Dict\[str, float\]:/);
    assert.match(
      python,
      /def admin_cut\(self, \*args: Any\) -> Any:\n {8}return self\.call\("admin\.cut", \*args\)/,
    );
    for (const line of [
      '"value": "int"',
      '"kind": "NotRequired[Literal[\\"leaf\\", \\"branch\\"]]"',
      '"size": "NotRequired[Union[str, None]]"',
      '"not a name": "NotRequired[bool]"',
    ]) {
      assert.ok(python.includes(line), `${line} in ${python.slice(-3_000)}`);
    }
    const go = generateGo(api, "forest");
    assert.match(go, /^package forest$/m);
    assert.match(
      go,
      /func \(a \*Forest\) Plant\(ctx context\.Context, arg1 ForestPlantArgument\) \(map\[string\]float64, error\)/,
    );
    assert.match(go, /NotAName \*bool `json:"not a name,omitempty"`/);
    assert.match(go, /func \(a \*Forest\) AdminCut\(ctx context\.Context, args \.\.\.any\) \(any, error\)/);
  });

  test("end where a schema contains itself", () => {
    const self: JsonSchema = { $ref: "#/components/self" };
    const [openApi, asyncApi] = documents("loop", { go: { args: one(self), output: self } });
    const list = { components: { self: { type: "array", items: self } } };
    const api = readApi({ ...openApi, ...list }, asyncApi);
    assert.ok(generatePython(api).length > 0);
    assert.ok(generateGo(api, "loop").length > 0);
    const node = { components: { self: { type: "object", properties: { next: self } } } };
    const nodes = readApi({ ...openApi, ...node }, asyncApi);
    assert.match(generatePython(nodes), /"next": "NotRequired\[LoopGoResult\]"/);
    assert.match(generateGo(nodes, "loop"), /Next \*LoopGoResult `json:"next,omitempty"`/);
  });

  test("are programs, whatever names there are", () => {
    const hostile = ['"); import os #', '"""\n\\', "class", "class", "call", "`\n//", "\u2028", "{}", "$x"];
    const programs = hostile.map((name) => {
      const properties = Object.fromEntries(hostile.map((each) => [each, { const: each }]));
      const args = one({ type: "object", properties });
      const api = readApi(...documents(name, Object.fromEntries(hostile.map((each) => [each, { args }]))));
      assert.doesNotMatch(generateGo(api, "p"), /^(import os|\/\/"|`)/m);
      return generatePython(api);
    });
    const parse = "import ast, json, sys; [ast.parse(each) for each in json.load(sys.stdin)]";
    execFileSync("python3", ["-I", "-c", parse], { input: JSON.stringify(programs) });
  });

  test("are not made of something else", () => {
    for (const document of [null, [], {}, { paths: 1 }, "text"])
      assert.throws(
        () => readApi(document, { channels: {} }),
        (error) => isErrorCode(error, "generate", "malformed_document"),
      );
  });
});
