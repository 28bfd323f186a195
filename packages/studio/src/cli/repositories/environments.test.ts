import assert from "node:assert/strict";
import { test } from "node:test";
import type { EnvironmentView, RepositoryEnvironment, StudioClient } from "@holdfast/studio";
import { stopPreparations } from "./environments.ts";

const showing = (id: string, status: string): RepositoryEnvironment => ({
  repository: "/r",
  latest: { id, status } as EnvironmentView,
});

test("the preparations of all nodes are stopped, and one that does not stop is no reason to go on for ever", async () => {
  const stopped: string[] = [];
  // Each node says what runs there once the one before has stopped.
  const left = [showing("b", "preparing"), showing("stuck", "preparing"), showing("stuck", "preparing")];
  const client = {
    environment: (id: string) => ({ stop: async () => void stopped.push(id) }),
    organization: { environment: async () => left.shift() },
  } as unknown as StudioClient;
  await stopPreparations(client, showing("a", "preparing"));
  assert.deepEqual(stopped, ["a", "b", "stuck"]);
  await stopPreparations(client, showing("c", "ready"));
  assert.equal(stopped.length, 3);
});
