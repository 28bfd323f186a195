import assert from "node:assert/strict";
import { test } from "node:test";
import { readableError } from "./readable-error.ts";

test("the error of a program is told without Node's own lines", () => {
  const printed = `node:internal/modules/run_main:107
    triggerUncaughtException(
    ^

file:///home/ann/shop/src/registry.ts:6
const broken = ;
               ^

SyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: Expression expected
    at parseTypeScript (node:internal/modules/typescript:72:36)
    at load (file:///home/ann/shop/src/load.ts:2:1) {
  code: 'ERR_INVALID_TYPESCRIPT_SYNTAX'
}

Node.js v24.21.0`;
  assert.equal(
    readableError(printed, "/home/ann/shop"),
    `src/registry.ts:6
const broken = ;
               ^

SyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: Expression expected
    at load (src/load.ts:2:1) {
  code: 'ERR_INVALID_TYPESCRIPT_SYNTAX'
}`,
  );
});

test("a project whose packages were never installed is told how", () => {
  const text =
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'hono' imported from /home/ann/shop/src/app.ts";
  assert.match(
    readableError(text, "/home/ann/shop"),
    /The package hono is not installed here\. Run: npm install$/,
  );
});

test("a package.json that is half written is named, and not one of a package", () => {
  const text = "Error: Invalid package config /home/ann/shop/package.json.";
  assert.match(readableError(text, "/home/ann/shop"), /package\.json is not JSON: .* Mend it/);
  const installed = "Error: Invalid package config /home/ann/shop/node_modules/hono/package.json.";
  assert.equal(readableError(installed, "/home/ann/shop"), installed);
});
