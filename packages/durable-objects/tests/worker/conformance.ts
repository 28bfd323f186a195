/** Runs the conformance suite of stores in an object, a case at a time. */
import { actorStoreConformance } from "@holdfast/testing/conformance";
import type { ObjectNamespace, ObjectState } from "../../src/platform.ts";
import { openObjectStore } from "../../src/store/object-store.ts";
import { type Case, cases, collecting } from "./node-test.ts";

/** Runs the case with the number of its path on the storage of its own. */
export class HoldfastActor {
  readonly #state: ObjectState;

  constructor(state: ObjectState) {
    this.#state = state;
  }

  async fetch(request: Request): Promise<Response> {
    const { storage } = this.#state;
    const collected = collecting(() =>
      actorStoreConformance("objects", async ({ clock }) => {
        let store = openObjectStore(storage, clock);
        return {
          get store() {
            return store;
          },
          reopen: async () => {
            await store.close();
            store = openObjectStore(storage, clock);
            return store;
          },
          dispose: () => store.close(),
        };
      }),
    );
    const number = Number(new URL(request.url).pathname.slice(1));
    const found: Case | undefined = collected[number];
    try {
      for (const hook of cases.before) await hook();
      await found?.run();
      return Response.json({ name: found?.name });
    } catch (error) {
      return Response.json({
        name: found?.name,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
}

export default {
  async fetch(request: Request, env: { readonly ACTORS: ObjectNamespace }): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/cases") {
      const names = collecting(() =>
        actorStoreConformance("objects", () => Promise.reject(new Error("lists only"))),
      );
      return Response.json(names.map(({ name }) => name));
    }
    return env.ACTORS.get(env.ACTORS.idFromName(pathname)).fetch(request);
  },
};
