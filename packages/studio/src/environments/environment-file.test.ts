import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isHoldfastError } from "@holdfast/core";
import { parseDevcontainer } from "./devcontainer.ts";
import { parseEnvironmentFile } from "./environment-file.ts";

const parse = (text: string) => parseEnvironmentFile(text, "environment.yaml");

describe("environment.yaml", () => {
  test("has all parts", () => {
    const parsed = parse(`
version: 1
inputs: [package-lock.json, tools/]
env: {A: text, B: 2, C: true}
setup:
  - {name: install, run: npm ci, timeoutMinutes: 5}
checks:
  - {name: test, run: npm test, timeoutMinutes: 2, afterTurn: true}
  - {name: lint, run: npm run lint}
services:
  - {name: db, run: postgres -D db}
network:
  - npm
  - packages.example.com
  - {host: api.example.com, methods: [POST], path: /v1/, secret: token, as: basic, username: bot}
caches: {npm: npm_config_cache}
`);
    assert.deepEqual(parsed, {
      source: "environment.yaml",
      required: true,
      inputs: ["package-lock.json", "tools"],
      variables: { A: "text", B: "2", C: "true" },
      steps: [{ name: "install", run: "npm ci", timeoutMs: 300_000 }],
      checks: [
        { name: "test", run: "npm test", timeoutMs: 120_000, afterTurn: true },
        { name: "lint", run: "npm run lint", timeoutMs: 900_000, afterTurn: false },
      ],
      network: [
        "npm",
        { host: "packages.example.com", methods: ["GET", "HEAD"] },
        {
          host: "api.example.com",
          methods: ["POST"],
          path: "/v1/",
          secret: { name: "token", as: "basic", username: "bot" },
        },
      ],
      caches: [{ name: "npm", variable: "npm_config_cache" }],
      services: [{ name: "db", run: "postgres -D db" }],
      notSupported: [],
    });
  });

  test("may be empty", () => {
    assert.deepEqual(parse("").steps, []);
    assert.equal(parse("# nothing").inputs, undefined);
  });

  const wrong: readonly (readonly [text: string, line: number, key: string])[] = [
    ["setup:\n  - name: a\n    run: x\n    shell: bash", 4, "setup[0].shell"],
    ["setup: npm ci", 1, "setup"],
    ["setup:\n- name: a\n  run: ''", 3, "setup[0].run"],
    ["setup:\n- run: x", 2, "setup[0].name"],
    ["setup:\n- name: a\n  run: x\n  timeoutMinutes: 61", 4, "setup[0].timeoutMinutes"],
    ["setup:\n- name: a\n  run: x\n  timeoutMinutes: 0", 4, "setup[0].timeoutMinutes"],
    ["checks:\n- {name: a, run: x}\n- {name: a, run: y}", 3, "checks[1].name"],
    ["checks:\n- name: a\n  run: x\n  afterTurn: yes", 4, "checks[0].afterTurn"],
    ["checks:\n- name: a\n  run: x\n  when: push", 4, "checks[0].when"],
    ["setup:\n- name: a\n  run: x\n  afterTurn: true", 4, "setup[0].afterTurn"],
    ["images: []", 1, "images"],
    ["services:\n- name: a\n  run: x\n  timeoutMinutes: 1", 4, "services[0].timeoutMinutes"],
    ["services:\n- {name: a, run: x}\n- {name: a, run: y}", 3, "services[1].name"],
    ["version: 2", 1, "version"],
    ["\ninputs:\n  - ../secret", 3, "inputs[0]"],
    ["inputs:\n  - a\n  - /etc/passwd", 3, "inputs[1]"],
    ["env:\n  A: x\n  PATH: /bin", 3, "env.PATH"],
    ["env:\n  HOLDFAST_X: x", 2, "env.HOLDFAST_X"],
    ["env:\n  A: [1]", 2, "env.A"],
    ["network:\n  - 10.0.0.1", 2, "network[0].host"],
    ["network:\n  - localhost", 2, "network[0].host"],
    ["network:\n  - '*.example.com'", 2, "network[0].host"],
    ["network:\n  - host: a.example\n    methods: [get]", 3, "network[0].methods[0]"],
    ["network:\n  - host: a.example\n    as: bearer", 3, "network[0].as"],
    ["network:\n  - host: a.example\n    secret: s\n    as: basic", 2, "network[0].username"],
    ["caches:\n  Big: X", 2, "caches.Big"],
    ["caches:\n  npm: HOME", 2, "caches.npm"],
    ["a: 1\na: 2", 2, ""],
    ["setup: [", 1, ""],
    ["- a", 1, ""],
    ["a: &x 1\nb: *x", 1, ""],
  ];
  for (const [text, line, key] of wrong) {
    test(`names line and key of ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parse(text),
        (error) => {
          assert.ok(isHoldfastError(error) && error.code === "invalid_file", String(error));
          assert.deepEqual(error.metadata, { file: "environment.yaml", line, key });
          assert.match(error.message, new RegExp(`line ${line}`));
          return true;
        },
      );
    });
  }

  test("has at most 20 steps", () => {
    const steps = (count: number) => `setup:\n${"- {name: a, run: x}\n".repeat(count)}`;
    assert.equal(parse(steps(20)).steps.length, 20);
    assert.throws(() => parse(steps(21)), /has 21 entries; at most 20/);
  });
});

describe("devcontainer.json", () => {
  const read = (file: unknown) => parseDevcontainer(JSON.stringify(file), "devcontainer.json");

  test("gives commands in their three forms", () => {
    const runs = (postCreateCommand: unknown) =>
      read({ postCreateCommand }).steps.map(({ name, run }) => [name, run]);
    assert.deepEqual(runs("npm ci && make"), [["postCreateCommand", "npm ci && make"]]);
    assert.deepEqual(runs(["echo", "it's"]), [["postCreateCommand", `'echo' 'it'\\''s'`]]);
    assert.deepEqual(runs({ a: "x", b: ["y"] }), [
      ["a", "x"],
      ["b", "'y'"],
    ]);
    assert.deepEqual(runs(undefined), []);
  });

  test("gives variables, and names what has no effect", () => {
    const parsed = read({
      name: "mine",
      image: "node",
      features: {},
      containerEnv: { A: "1", PATH: "/x" },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the format.
      remoteEnv: { A: "2", B: "${localEnv:B}", C: null },
      postCreateCommand: 7,
    });
    assert.deepEqual(parsed.variables, { A: "2" });
    assert.equal(parsed.required, false);
    assert.deepEqual(parsed.notSupported, [
      ...["image", "features", "postCreateCommand"],
      ...["containerEnv.PATH", "remoteEnv.B", "remoteEnv.C"],
    ]);
  });

  test("may have comments, and names the line of a mistake", () => {
    assert.deepEqual(parseDevcontainer('{ // here\n"postCreateCommand": "x", }', "f").steps.length, 1);
    assert.throws(() => parseDevcontainer('{\n"a": 1\n"b": 2}', "f"), /f, line 3/);
  });
});
