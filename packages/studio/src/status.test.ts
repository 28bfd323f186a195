import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import { modelsCheck } from "./status.ts";

test("the models check stays short whatever is missing: provider names, and the command that shows more", () => {
  const baseUrl = "https://models.example";
  const missing = {
    available: false,
    baseUrl,
    detail: "no credential: set A_KEY, or run: a command",
  } as const;
  const there = { available: true, baseUrl, detail: "a stored API key" } as const;
  assert.deepEqual(
    modelsCheck(
      {
        providers: [
          { provider: "anthropic", ...there },
          { provider: "openai", ...missing },
          { provider: "google", ...missing },
        ],
      },
      resolve(".holdfast"),
    ),
    {
      id: "models",
      name: "Models",
      status: "ok",
      detail: "anthropic: a stored API key; not set up: openai, google (npx holdfast auth status)",
    },
  );
  const none = modelsCheck({ providers: [{ provider: "anthropic", ...missing }] }, "/srv/data");
  assert.deepEqual(
    [none.status, none.detail, none.fix],
    [
      "warning",
      "not set up: anthropic (npx holdfast auth status --data /srv/data)",
      "npx holdfast auth api-key anthropic --data /srv/data",
    ],
  );
});
