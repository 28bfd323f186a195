import { after, before, describe } from "node:test";
import type { ActorStore } from "@holdfast/actors";
import { type Ports, systemPorts } from "@holdfast/core";
import { manualClock } from "../store/manual-clock.ts";
import { callCases } from "./actor-store-calls.ts";
import { commitCases } from "./actor-store-commits.ts";
import { databaseCases } from "./actor-store-databases.ts";
import { historyCases } from "./actor-store-history.ts";
import { kvCases } from "./actor-store-kv.ts";
import { lookupCases } from "./actor-store-lookup.ts";
import type { Suite } from "./actor-store-suite.ts";

/** Implementation under test. */
export interface StoreHarness {
  readonly store: ActorStore;
  /** Closes the store and opens it again on the same data; absent for a store without durable data. */
  reopen?(): Promise<ActorStore>;
  /** Closes the store and removes its data. */
  dispose(): Promise<void>;
}

/** Registers the `node:test` cases that every `ActorStore` must pass. */
export function actorStoreConformance(name: string, open: (ports: Ports) => Promise<StoreHarness>): void {
  conformance(name, open, [commitCases, lookupCases, kvCases, callCases, databaseCases, historyCases]);
}

/** As {@link actorStoreConformance}, only the cases of large objects, history and copies. */
export function blobConformance(name: string, open: (ports: Ports) => Promise<StoreHarness>): void {
  conformance(name, open, [historyCases]);
}

function conformance(
  name: string,
  open: (ports: Ports) => Promise<StoreHarness>,
  cases: readonly ((suite: Suite) => void)[],
): void {
  describe(`ActorStore: ${name}`, () => {
    const clock = manualClock();
    let harness: StoreHarness | undefined;
    let store: ActorStore | undefined;
    before(async () => {
      harness = await open({ ...systemPorts(), clock });
      store = harness.store;
    });
    after(() => harness?.dispose());
    const current = () => {
      if (store === undefined) throw new Error("The store is not open");
      return store;
    };
    const suite: Suite = {
      clock,
      store: current,
      async reopen() {
        store = (await harness?.reopen?.()) ?? store;
        return current();
      },
    };
    for (const register of cases) register(suite);
  });
}
